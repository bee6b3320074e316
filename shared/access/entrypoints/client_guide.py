"""What `careledger client add` prints: how the new client signs in, to copy and run."""

_CURL = """\
# with curl and openssl; key.pem is the client's private key
b64() {{ openssl base64 -A | tr '+/' '-_' | tr -d '='; }}
HEADER=$(printf '{{"alg":"{alg}","kid":"{kid}","typ":"JWT"}}' | b64)
CLAIMS=$(printf '{{"iss":"{client}","sub":"{client}","aud":"{token_url}","jti":"%s","exp":%s}}' \\
  "$(openssl rand -hex 16)" "$(($(date +%s) + 240))" | b64)
SIGNATURE=$(printf '%s.%s' "$HEADER" "$CLAIMS" | openssl dgst -sha384 -sign key.pem | b64)
TOKEN=$(curl -sS {token_url} \\
  -d grant_type=client_credentials --data-urlencode 'scope={scope}' \\
  -d client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer \\
  -d client_assertion="$HEADER.$CLAIMS.$SIGNATURE" | sed -n 's/.*"access_token":"\\([^"]*\\)".*/\\1/p')
curl -sS -H "Authorization: Bearer $TOKEN" {whoami_url}
"""

_PYTHON = """\
# with Python: pip install httpx joserfc
import time, uuid, httpx
from pathlib import Path
from joserfc import jwt
from joserfc.jwk import {key_class}

key = {key_class}.import_key(Path("key.pem").read_bytes())
claims = {{
    "iss": "{client}",
    "sub": "{client}",
    "aud": "{token_url}",
    "jti": str(uuid.uuid4()),
    "exp": int(time.time()) + 240,
}}
header = {{"alg": "{alg}", "kid": "{kid}", "typ": "JWT"}}
form = {{
    "grant_type": "client_credentials",
    "scope": "{scope}",
    "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    "client_assertion": jwt.encode(header, claims, key, algorithms=["{alg}"]),
}}
token = httpx.post("{token_url}", data=form).raise_for_status().json()["access_token"]
print(httpx.get("{whoami_url}", headers={{"Authorization": f"Bearer {{token}}"}}).text)
"""


def client_guide(*, client: str, kid: str, alg: str, token_url: str, whoami_url: str, scope: str) -> str:
    """Return what gets a token and asks whoami, as a Python program and, for RS384, as shell lines.

    There are no shell lines for ES384: openssl writes its signatures in another form than a JWT wants.
    """
    names = {"client": client, "kid": kid, "alg": alg, "token_url": token_url, "whoami_url": whoami_url, "scope": scope}
    python = _PYTHON.format(key_class="RSAKey" if alg == "RS384" else "ECKey", **names)
    return f"{_CURL.format(**names)}\n{python}" if alg == "RS384" else python
