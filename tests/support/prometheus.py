"""A real Prometheus in a namespace, with the rules of ``deploy/rules``, asked by its HTTP API."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlencode

from tests.architecture.source import ROOT
from tests.support.guest import until
from tests.support.namespaces import Namespace

PORT = 9090
Sample = dict[str, Any]


class Prometheus:
    """A running Prometheus; a context manager that ends it."""

    def __init__(self, namespace: Namespace, directory: Path, program: str) -> None:
        """Prepare one that scrapes what ``deploy/prometheus.yml`` does, and would for sessions, but each second."""
        self._namespace, self._directory, self._program = namespace, directory, program
        directory.mkdir()
        shutil.copytree(ROOT / "deploy" / "rules", directory / "rules")
        shipped = (ROOT / "deploy" / "prometheus.yml").read_text(encoding="utf-8")
        whole = re.sub(r"^  # (?=- job_name|  )", "  ", shipped, flags=re.MULTILINE)
        fast = "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\n"
        (directory / "prometheus.yml").write_text(fast + re.sub(r" *scrape_(?:interval|timeout):.*\n", "", whole))
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: http.client.HTTPConnection | None = None

    def __enter__(self) -> Prometheus:
        command = self._namespace.command(
            self._program,
            *("--config.file=prometheus.yml", "--storage.tsdb.path=data"),
            *(f"--web.listen-address=127.0.0.1:{PORT}", "--log.level=warn"),
        )
        with (self._directory / "log").open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._directory)
        for _ in until(60):
            if self._answers():
                return self
        self._process.kill()
        self._process.wait()
        raise AssertionError((self._directory / "log").read_text())

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._process is not None
        if self._connection is not None:
            self._connection.close()
        self._process.terminate()
        self._process.wait(30)

    def _answers(self) -> bool:
        try:
            with self._namespace.entered():
                connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
                connection.connect()
        except OSError:
            return False
        connection.request("GET", "/-/ready")
        response = connection.getresponse()
        response.read()
        if response.status == 200:
            self._connection = connection
            return True
        connection.close()
        return False

    def ask(self, path: str, **parameters: str) -> Any:
        """Return the data of an answer of the API; AssertionError, in its words, when it is none."""
        assert self._connection is not None
        body, header = urlencode(parameters), {"Content-Type": "application/x-www-form-urlencoded"}
        self._connection.request("POST" if parameters else "GET", f"/api/v1/{path}", body or None, header)
        answer = json.loads(self._connection.getresponse().read())
        assert answer["status"] == "success", f"{path} {parameters}: {answer}"
        return answer["data"]

    def query(self, expression: str) -> list[Sample]:
        """Return the samples of an expression now."""
        samples: list[Sample] = self.ask("query", query=expression)["result"]
        return samples

    def wait(self, expression: str, seconds: float = 60.0) -> list[Sample]:
        """Wait until an expression has samples."""
        for _ in until(seconds):
            if samples := self.query(expression):
                return samples
        raise AssertionError(f"{expression} has no data after {seconds} s")

    def label_values(self, selector: str, label: str) -> list[str]:
        """Return the values that a label has among the series of a selector."""
        return sorted({sample["metric"][label] for sample in self.query(selector) if label in sample["metric"]})
