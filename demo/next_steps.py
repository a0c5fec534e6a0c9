"""What to try next: with the demo's own processes while they run, or in a cluster of one's own."""

import shlex

from controlplane.programs import find
from demo.questions import Question
from demo.rollcall_process import PROGRAM
from demo.stage import Stage
from demo.terminal import Terminal

_NOT_READY = '{"status":{"conditions":[{"type":"Ready","status":"False"}]}}'


def show(terminal: Terminal) -> None:
    """Say what there is besides the demo."""
    terminal.change("What next")
    terminal.lines(
        [
            "    make demo KEEP=1                  the same, left running, with commands to try",
            "    make test                         all tests",
            "    make bench                        the same milliseconds under load, beside CoreDNS",
            "    docs/tutorial/first-steps.md      a zone of your own, by hand",
            "    README.md, Install it             Rollcall in your cluster",
        ]
    )


def show_running(stage: Stage, terminal: Terminal) -> None:
    """Say what to try while everything runs."""
    web = stage.scene.web
    folders = [find("kubectl").parent, PROGRAM.parent]
    pod = f"{web.pods[2].name} -n {web.namespace}"
    terminal.change("All of it runs until Ctrl-C. In another terminal:")
    terminal.lines(
        f"    {line}"
        for line in (
            f"export KUBECONFIG={shlex.quote(str(stage.plane.kubeconfig))}",
            f"export PATH={':'.join(shlex.quote(str(folder)) for folder in folders)}:$PATH",
            "",
            stage.server.dig(Question(web.domain_name)),
            f"kubectl patch pod {pod} --subresource=status \\",
            f"  -p '{_NOT_READY}'",
            "rollcall status -A",
            "kubectl get si -A --watch",
            "kubectl explain serviceinstance.status",
            f"curl http://{stage.rollcall.http}/v1/files/{web.namespace}/hosts",
            f"tail -f {shlex.quote(str(stage.rollcall.log))}",
        )
    )
