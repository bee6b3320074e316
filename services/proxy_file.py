"""The production proxy's configuration, `deploy/proxy/nginx.conf`, made from the one route table."""

from shared.web.routes import AREA_OWNERS, DEFAULT_OWNER, PROVENANCE_PREFIXES, RESOURCE_OWNERS

_HEAD = """\
# Made by `make openapi` from shared/web/routes.py: do not edit.
worker_processes auto;
pid /tmp/nginx.pid;
error_log stderr warn;
events { worker_connections 1024; }
http {
  # no query string, no body, no header: they may hold patient data
  log_format plain '$time_iso8601 $request_method $status $request_time $upstream_addr $request_id';
  access_log /dev/stdout plain;
  server_tokens off;
  client_max_body_size 11m;
  client_body_timeout 15s;
  client_header_timeout 10s;
  large_client_header_buffers 4 16k;
  keepalive_timeout 30s;
  proxy_connect_timeout 2s;
  proxy_read_timeout 35s;
  proxy_next_upstream error timeout non_idempotent;
  proxy_next_upstream_tries 2;
"""

_SERVER = """\
  server {
    listen 8443 ssl http2;
    ssl_certificate /etc/nginx/tls/tls.crt;
    ssl_certificate_key /etc/nginx/tls/tls.key;
    ssl_protocols TLSv1.2 TLSv1.3;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $host;
    # what clients say of themselves is dropped; the request id is ours
    proxy_set_header X-Forwarded-For "";
    proxy_set_header X-Forwarded-Host "";
    proxy_set_header X-Forwarded-Proto "";
    proxy_set_header Forwarded "";
    proxy_set_header X-Request-Id $request_id;
    location /internal/ { return 404; }
"""


def nginx_conf() -> str:
    """Return the configuration's text. nginx matches the decoded path and forwards the raw one."""
    owners = sorted({*RESOURCE_OWNERS.values(), *AREA_OWNERS.values(), DEFAULT_OWNER})
    upstreams = "".join(f"  upstream {owner} {{ server {owner}:8000; keepalive 16; }}\n" for owner in owners)
    locations = "".join(
        [_location(f"/fhir/R4/{kind}(/|$)", owner) for kind, owner in RESOURCE_OWNERS.items()]
        + [_location(f"/fhir/R4/Provenance/{prefix}-", owner) for prefix, owner in PROVENANCE_PREFIXES.items()]
        + [_location(f"(/app)?/{area}(/|$)", owner) for area, owner in AREA_OWNERS.items()]
    )
    rest = f"    location / {{ proxy_pass http://{DEFAULT_OWNER}; }}\n"
    return f"{_HEAD}{upstreams}{_SERVER}{locations}{rest}  }}\n}}\n"


def _location(path: str, owner: str) -> str:
    return f"    location ~ ^/t/[^/]+{path} {{ proxy_pass http://{owner}; }}\n"
