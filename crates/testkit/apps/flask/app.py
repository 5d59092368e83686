"""A small web application: answers, and calls another address when asked to."""

import signal
import sys
import urllib.request

import flask

app = flask.Flask("shop")


@app.get("/")
def hello():
    return "hello\n"


@app.get("/settings")
def settings():
    """What became of PYTHONPATH."""
    return ":".join(sys.path)


@app.get("/call")
def call():
    with urllib.request.urlopen(flask.request.args["url"], timeout=5) as answer:
        return answer.read()


@app.after_request
def log(response):
    # Printed, not logged: an agent may take over the logging of an application.
    print(flask.request.method, flask.request.full_path, response.status_code, flush=True)
    return response


if __name__ == "__main__":
    # The first process of a container ignores this signal unless it says otherwise.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    app.run(host="0.0.0.0", port=8080)
