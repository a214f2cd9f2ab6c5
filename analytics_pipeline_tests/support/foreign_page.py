"""A foreign web page that an analyst opens besides the Dagster UI: it tries every way in which a
browser sends requests.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ATTACK = "attack"
"""Tag of runs that the page tries to launch."""


def mutation(name: str, run_config: dict[str, object] | None = None) -> str:
    """Return GraphQL that launches a run, tagged with `name`."""
    config = json.dumps(json.dumps(run_config or {}))
    return (
        "mutation { launchRun(executionParams: {selector: {repositoryLocationName:"
        ' "analytics_pipeline", repositoryName: "__repository__", jobName: "load_snapshot"},'
        f' runConfigData: {config}, executionMetadata: {{tags: [{{key: "{ATTACK}", value:'
        f' "{name}"}}]}}}}) {{ __typename }} }}'
    )


_PAGE = """<!doctype html><title>cats</title><body><script>
const ui = %(ui)s, by = name => %(mutation)s.replace("NAME", name), outcome = {};
const address = name => ui + "/graphql?query=" + encodeURIComponent(by(name));
const settled = promise => promise.then(
  answer => answer.type + " " + answer.status, error => error.name);
const loads = (tag, source) => new Promise(done => {
  const element = document.createElement(tag);
  element.onload = () => done("load"); element.onerror = () => done("error");
  element.src = source; document.body.append(element);
});
const form = () => new Promise(done => {
  const frame = document.createElement("iframe"); frame.name = "hidden";
  document.body.append(frame);
  document.body.insertAdjacentHTML("beforeend",
    `<form method=post target=hidden enctype=text/plain><input></form>`);
  document.querySelector("form").action = address("form");
  frame.onload = () => done("load");
  document.querySelector("form").submit();
});
const socket = () => new Promise(done => {
  const opened = new WebSocket(ui.replace("http", "ws") + "/graphql", "graphql-ws");
  opened.onopen = () => done("open"); opened.onerror = () => done("error");
});
(async () => {
  outcome.image = await loads("img", address("image"));
  outcome.script = await loads("script", address("script"));
  outcome.frame = await loads("iframe", ui + "/");
  outcome.form = await form();
  outcome.simple = await settled(fetch(address("simple"),
    {method: "POST", mode: "no-cors", body: "{}"}));
  const json = {method: "POST", headers: {"content-type": "application/json"},
    body: JSON.stringify({query: by("json")})};
  outcome.json = await settled(fetch(ui + "/graphql", json));
  outcome.beacon = navigator.sendBeacon(address("beacon"), "{}");
  outcome.socket = await socket();
  window.outcome = outcome;
})();
</script>"""


@contextmanager
def foreign_page(ui: str) -> Iterator[str]:
    """Serve the page on another port under another name; yield its address."""
    script = {"ui": json.dumps(ui), "mutation": json.dumps(mutation("NAME"))}
    body = (_PAGE % script).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
