"""The examples of RFC 2865 section 7, and the layouts of RFC 2548."""

from bras.radius.codec import Reply, ReplyReader, SharedSecret
from bras.radius.credentials import CredentialEncoder, hide, reveal
from tests.support.radius import attributes_of, codec
from tests.vectors import radius_rfc2865 as rfc

SECRET = SharedSecret(rfc.SECRET)
READ = {"Service-Type": "integer", "Framed-IP-Address": "ipaddr", "Framed-Protocol": "integer", "Framed-MTU": "integer"}


def test_the_password_of_section_7_1_is_hidden_as_printed():
    authenticator = rfc.TELNET_REQUEST[4:20]
    hidden = hide(rfc.TELNET_PASSWORD, authenticator, SECRET)
    assert (2, hidden) in attributes_of(rfc.TELNET_REQUEST)
    assert reveal(hidden, authenticator, SECRET).rstrip(b"\0") == rfc.TELNET_PASSWORD
    encoded = CredentialEncoder(codec()).password(rfc.TELNET_PASSWORD, authenticator, SECRET)
    assert encoded in rfc.TELNET_REQUEST


def test_the_accepts_verify():
    reader = ReplyReader(codec(), READ)
    telnet = reader.read(rfc.TELNET_ACCEPT, rfc.TELNET_REQUEST[4:20], SECRET, False)
    assert isinstance(telnet, Reply)
    assert telnet.numbers == {"Service-Type": 1}
    chap = reader.read(rfc.CHAP_ACCEPT, rfc.CHAP_REQUEST[4:20], SECRET, False)
    assert isinstance(chap, Reply)
    assert chap.numbers == {
        "Service-Type": 2,
        "Framed-Protocol": 1,
        "Framed-IP-Address": 0xFFFFFFFE,
        "Framed-MTU": 1500,
    }
