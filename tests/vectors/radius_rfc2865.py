"""The two examples of RFC 2865 section 7, octet by octet."""

SECRET = b"xyzzy5461"

# Section 7.1: user "nemo", password "arctangent", port 3 of 192.168.1.16.
TELNET_PASSWORD = b"arctangent"
TELNET_REQUEST = bytes.fromhex(
    "01000038 0f403f9473978057bd83d5cb98f4227a 01066e656d6f"
    "02120dbe708d93d413ce3196e43f782a0aee 0406c0a80110 050600000003"
)
TELNET_ACCEPT = bytes.fromhex("02000026 86fe220e7624ba2a1005f6bf9b55e0b2 060600000001 0f0600000000 0e06c0a80103")

# Section 7.2: user "flopsy" by CHAP, whose challenge is the Request Authenticator.
CHAP_REQUEST = bytes.fromhex(
    "01010047 2aee86f08d0d55969ca5978e0d3367a2 0108666c6f707379"
    "031316e97557c316185895f293ff634407 7275 0406c0a80110 050600000014 060600000002 070600000001"
)
CHAP_ACCEPT = bytes.fromhex(
    "02010038 15efbc7dab26cfa3dc34d9c03c8601a4 060600000002 070600000001"
    "0806fffffffe 0a0600000002 0d0600000001 0c06000005dc"
)
