"""A Chromium without a window, driven over a pipe: no driver, no port and no package is needed."""

import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = next((path for path in map(shutil.which, NAMES) if path), None)
# what Chromium says of a machine without a GPU, and of tests that look at pixels
ABOUT_THE_MACHINE = ("software WebGL", "GPU stall", "GroupMarkerNotSet", "willReadFrequently")
SECONDS = 300

needs_browser = pytest.mark.skipif(BROWSER is None, reason=f"none of {', '.join(NAMES)} is on PATH to open pages with")


class Browser:
    """One page. `requests` are the addresses it asked for, `complaints` what it wrote to the console and threw.

    The DevTools protocol goes over file descriptors 3 and 4, messages end with a zero byte.
    """

    def __init__(self, folder: Path, width: int = 1280, height: int = 1000, options: tuple[str, ...] = ()):
        self.downloads = folder / "downloads"
        self.downloads.mkdir(parents=True, exist_ok=True)
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.buffer, self.last = b"", 0
        to_browser, self.out = os.pipe()
        self.into, from_browser = os.pipe()
        arguments = [
            str(BROWSER),
            *("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--remote-debugging-pipe", "--mute-audio"),
            *("--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"),
            f"--user-data-dir={folder / 'profile'}",
            f"--window-size={width},{height}",
            # no name resolves: a request that leaves the machine fails
            "--host-resolver-rules=MAP * ~NOTFOUND",
            *options,
            "about:blank",
        ]
        # the shell gives the two ends the numbers that Chromium reads and writes
        shell = f'exec "$@" 3<&{to_browser} 4>&{from_browser}'
        self.process = subprocess.Popen(
            ["bash", "-c", shell, "browser", *arguments],
            pass_fds=(to_browser, from_browser),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        self.session: str | None = None
        self.attach()

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(30)
        os.close(self.out)
        os.close(self.into)

    def attach(self) -> None:
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(target for target in targets if target["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=page["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        self.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(self.downloads))

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and wait for its answer; what the page reports in between is kept."""
        self.last += 1
        message = {"id": self.last, "method": method, "params": params}
        if self.session and not method.startswith(("Target.", "Browser.")):
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + SECONDS
        while True:
            answer = self.read(end)
            if answer.get("id") == self.last:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self.note(answer)

    def read(self, end: float) -> dict[str, Any]:
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.into], [], [], max(0.0, end - time.monotonic()))
            found = os.read(self.into, 1 << 20) if ready else b""
            if not found:
                raise TimeoutError(f"no answer of the browser in {SECONDS} s, or it ended")
            self.buffer += found
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def note(self, event: dict[str, Any]) -> None:
        params = event.get("params", {})
        match event.get("method"):
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])
            case "Runtime.exceptionThrown":
                details = params["exceptionDetails"]
                self.complaints.append(details.get("exception", {}).get("description") or details["text"])
            case "Runtime.consoleAPICalled" if params["type"] in ("error", "warning"):
                self.complaints.append(str([item.get("value") for item in params["args"]]))
            case "Log.entryAdded" if not any(words in params["entry"]["text"] for words in ABOUT_THE_MACHINE):
                self.complaints.append(params["entry"]["text"])

    def evaluate(self, expression: str) -> Any:
        """The value of JavaScript, after what it promises."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise AssertionError(answer["exceptionDetails"].get("exception", {}).get("description", expression))
        return answer["result"].get("value")

    def wait(self, expression: str) -> Any:
        """Wait until JavaScript gives something that is true, and return it."""
        end = time.monotonic() + SECONDS
        while not (found := self.evaluate(expression)):
            assert time.monotonic() < end, f"never true: {expression}"
            time.sleep(0.1)
        return found

    def open(self, address: str) -> None:
        self.call("Page.navigate", url=address)
        self.wait(f"location.href === {json.dumps(address)} && document.readyState === 'complete'")

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        self.call("Input.dispatchMouseEvent", type=f"mouse{kind}", x=x, y=y, **more)

    def click(self, selector: str) -> None:
        """Click in the middle of an element, as a person does."""
        x, y = self.middle(selector)
        for kind in ("Pressed", "Released"):
            self.mouse(kind, x, y, button="left", clickCount=1)

    def middle(self, selector: str) -> tuple[float, float]:
        chosen = f"document.querySelector({json.dumps(selector)})"
        assert self.evaluate(f"Boolean({chosen})"), f"there is no {selector}"
        left, top, width, height = self.evaluate(
            f"(() => {{ const e = {chosen}; e.scrollIntoView({{block: 'center', behavior: 'instant'}});"
            "const r = e.getBoundingClientRect(); return [r.left, r.top, r.width, r.height]; })()"
        )
        return left + width / 2, top + height / 2

    def drag(self, points: list[tuple[float, float]]) -> None:
        """Press at the first point, go along the others, let go at the last."""
        self.mouse("Pressed", *points[0], button="left", clickCount=1)
        for point in points[1:]:
            self.mouse("Moved", *point, button="left", buttons=1)
        self.mouse("Released", *points[-1], button="left", clickCount=1)

    def emulate(self, **media: str) -> None:
        features = [{"name": name.replace("_", "-"), "value": value} for name, value in media.items()]
        self.call("Emulation.setEmulatedMedia", features=features)
