"""PPP: LCP (RFC 1661), authentication (RFC 1334, 1994, 2433, 2759) and IPCP (RFC 1332, 1877)."""
