"""Opens what Lodestone signed with a library that knows nothing of Lodestone (jwcrypto).

Reads {"token", "keys": published keys, "bit": an index or null} and answers {"header", "payload", "bits",
"bit"}; fails when a published key did not sign the token, or when it names an issuer that did not.
"""

import base64
import gzip
import json
import sys

from jwcrypto import jwk, jws


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def opened(token, key):
    signed = jws.JWS()
    signed.allowed_algs = ["EdDSA"]
    signed.deserialize(token)
    signed.verify(key)
    return signed.jose_header, json.loads(signed.payload)


def main():
    asked = json.load(sys.stdin)
    name = json.loads(decoded(asked["token"].split(".")[0]))["kid"]
    published = {key["key_id"]: key["jwk"] for key in asked["keys"]}
    header, payload = opened(asked["token"], jwk.JWK(**published[name]))
    issuer = payload.get("issuer")
    if issuer is not None:
        # did:jwk is the key itself (https://github.com/quartzjer/did-jwk).
        assert issuer.startswith("did:jwk:"), issuer
        key = json.loads(decoded(issuer.removeprefix("did:jwk:")))
        opened(asked["token"], jwk.JWK(**key))
    answer = {"header": header, "payload": payload}
    if asked["bit"] is not None:
        encoded = payload["credentialSubject"]["encodedList"]
        assert encoded[0] == "u", "multibase says base64url by u"
        bits = gzip.decompress(decoded(encoded[1:]))
        index = int(asked["bit"])
        answer["bits"] = len(bits) * 8
        answer["bit"] = bits[index // 8] >> (7 - index % 8) & 1
    json.dump(answer, sys.stdout)


main()
