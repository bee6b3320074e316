"""The production proxy's configuration, `deploy/proxy/nginx.conf`, made from the one route table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shared.web.routes import AREA_OWNERS, DEFAULT_OWNER, PROVENANCE_PREFIXES, RESOURCE_OWNERS

_HEAD = """\
# Made by `make openapi` from shared/web/routes.py: do not edit.
worker_processes auto;
pid {run}/nginx.pid;
# what is less than critical would be written with the request's address, query and all
error_log stderr crit;
events {{ worker_connections 1024; }}
http {{
  client_body_temp_path {run}/body;
  proxy_temp_path {run}/proxy;
  fastcgi_temp_path {run}/fastcgi;
  uwsgi_temp_path {run}/uwsgi;
  scgi_temp_path {run}/scgi;
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
  # a replica that dies is asked no more; what it had in hand goes to another: writes may be repeated, none counts twice
  proxy_next_upstream error timeout non_idempotent;
  proxy_next_upstream_tries 2;
"""

_SERVER = """\
  server {{
    listen {listen} ssl http2;
    ssl_certificate {tls}/tls.crt;
    ssl_certificate_key {tls}/tls.key;
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
    location /internal/ {{ return 404; }}
"""


@dataclass(frozen=True)
class Place:
    """Where a proxy stands: what it listens on, its certificate's folder, its own folder, and each part's replicas."""

    listen: str = "8443"
    tls: str = "/etc/nginx/tls"
    run: str = "/var/run"
    replicas: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def servers(self, part: str) -> Sequence[str]:
        """Return a part's addresses; by default its name in the compose network, which stands for all its replicas."""
        return self.replicas.get(part, (f"{part}:8000",))


def nginx_conf(place: Place = Place()) -> str:
    """Return the configuration's text. nginx matches the decoded path and forwards the raw one."""
    owners = sorted({*RESOURCE_OWNERS.values(), *AREA_OWNERS.values(), DEFAULT_OWNER})
    upstreams = "".join(_upstream(owner, place.servers(owner)) for owner in owners)
    locations = "".join(
        [_location(f"/fhir/R4/{kind}(/|$)", owner) for kind, owner in RESOURCE_OWNERS.items()]
        + [_location(f"/fhir/R4/Provenance/{prefix}-", owner) for prefix, owner in PROVENANCE_PREFIXES.items()]
        + [_location(f"(/app)?/{area}(/|$)", owner) for area, owner in AREA_OWNERS.items()]
    )
    rest = f"    location / {{ proxy_pass http://{DEFAULT_OWNER}; }}\n"
    head, server = _HEAD.format(run=place.run), _SERVER.format(listen=place.listen, tls=place.tls)
    return f"{head}{upstreams}{server}{locations}{rest}  }}\n}}\n"


def _upstream(owner: str, servers: Sequence[str]) -> str:
    return f"  upstream {owner} {{ {' '.join(f'server {one};' for one in servers)} keepalive 16; }}\n"


def _location(path: str, owner: str) -> str:
    return f"    location ~ ^/t/[^/]+{path} {{ proxy_pass http://{owner}; }}\n"
