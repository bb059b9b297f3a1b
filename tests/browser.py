"""A headless Chromium that tests talk to by its DevTools protocol: open a page, run a script, count requests."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path

import websocket

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-extensions",
    "--disable-background-networking", "--disable-component-update", "--remote-debugging-port=0",
    "--remote-allow-origins=*", "--disable-dev-shm-usage",
)  # fmt: skip
PORT = "DevToolsActivePort"
PATIENCE = 60  # seconds


def find_chromium() -> str | None:
    """Return the path of a Chromium; None where there is none."""
    return next((path for name in PROGRAMS if (path := shutil.which(name))), None)


class Browser:
    """One tab of a headless Chromium.

    Attributes
    ----------
    requests : list of str
        Addresses that the tab asked for since the last `open`.
    """

    def __init__(self, program: str, profile: Path):
        (profile / PORT).unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.requests: list[str] = []
        self.loaded = False
        self.count = 0
        self.socket = websocket.create_connection(self._find_tab(profile), timeout=PATIENCE, suppress_origin=True)
        for domain in ("Page", "Network", "Runtime"):
            self.call(f"{domain}.enable")

    def _find_tab(self, profile: Path) -> str:
        """Return the address of the tab, from the port that Chromium writes into its profile."""
        file = profile / PORT
        end = time.monotonic() + PATIENCE
        while not (file.is_file() and "\n" in file.read_text()):
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("Chromium did not begin")
            time.sleep(0.05)
        port = file.read_text().split("\n")[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=PATIENCE) as answer:
            tabs = json.load(answer)
        return next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")

    def call(self, method: str, **params) -> dict:
        """Send a command and return its result."""
        self.count += 1
        number = self.count
        self.socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = self._receive()
            if message.get("id") == number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]

    def _receive(self) -> dict:
        message = json.loads(self.socket.recv())
        if message.get("method") == "Network.requestWillBeSent":
            self.requests.append(message["params"]["request"]["url"])
        elif message.get("method") == "Page.loadEventFired":
            self.loaded = True
        return message

    def open(self, address: str, *, width: int = 1300, height: int = 900, dark: bool = False) -> None:
        """Open a page at a width, in a colour scheme, and wait until it is loaded."""
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", media="", features=scheme)
        self.resize(width, height)
        self.requests.clear()
        self.loaded = False
        self.call("Page.navigate", url=address)
        end = time.monotonic() + PATIENCE
        while not self.loaded:
            if time.monotonic() > end:
                raise TimeoutError(f"{address} was not loaded in {PATIENCE} s")
            self._receive()

    def resize(self, width: int, height: int = 900) -> None:
        """Give the page another width; a narrow one is that of a phone."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )

    def run(self, script: str):
        """Run an expression in the page, a promise too, and return its value."""
        found = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in found:
            raise RuntimeError(json.dumps(found["exceptionDetails"])[:800])
        return found["result"].get("value")

    def press(self, key: str) -> None:
        """Press and release a key, such as `Tab` or `Enter`."""
        code, text = {"Tab": (9, ""), "Enter": (13, "\r")}[key]
        named = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **named)
        self.call("Input.dispatchKeyEvent", type="keyUp", **named)

    def close(self) -> None:
        """End the browser that this object began."""
        with contextlib.suppress(Exception):
            self.call("Browser.close")
        self.socket.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        self.process.kill()
        self.process.wait()
