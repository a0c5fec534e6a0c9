"""The changes: each is made, acknowledged by the API server, and awaited in the answers.

The milliseconds are those from the acknowledgement, which ends the write, to the arrival of the first answer
that has exactly the expected records.
"""

from collections.abc import Callable, Set
from dataclasses import dataclass

from controlplane import Acknowledged
from demo import scene
from demo.questions import Answer, Question
from demo.stage import Stage
from demo.terminal import Terminal


@dataclass(frozen=True, slots=True)
class Change:
    """What is done, and what the questions are answered then."""

    title: str
    make: Callable[[], Acknowledged]
    expected: dict[Question, Set[str]]


def all_changes(stage: Stage) -> tuple[Change, ...]:
    """Return the changes in order; each stands on those before it."""
    web, db = stage.scene.web, stage.scene.db
    cluster = stage.cluster
    sick, gone, more = web.pods[1], db.pods[1], scene.MORE_WEB
    everyone = web.addresses()
    web_question, db_question = Question(web.domain_name), Question(db.domain_name)
    return (
        Change(
            f"{sick} is not ready any more, as when its readiness probe fails",
            lambda: cluster.set_ready(web, sick, False),
            {web_question: everyone - {sick.ipv4}},
        ),
        Change(
            f"{sick} is ready again",
            lambda: cluster.set_ready(web, sick, True),
            {web_question: everyone},
        ),
        Change(
            f"{gone} is deleted",
            lambda: cluster.delete_pod(db, gone),
            {
                db_question: db.addresses() - {gone.ipv4},
                Question(f"{gone.hostname}.{db.domain_name}"): frozenset(),
            },
        ),
        Change(
            f"{web.name} is scaled from {len(web.pods)} to {len(web.pods) + len(more)} pods",
            lambda: cluster.add_pods(web, more),
            {web_question: everyone | {pod.ipv4 for pod in more}},
        ),
    )


def switches(stage: Stage) -> tuple[Change, ...]:
    """Return the switches of a blue/green release, after all changes, with the first pod of v1 not ready."""
    web = stage.scene.web
    question = Question(web.domain_name)
    ready = [*web.pods[1:], *scene.MORE_WEB]

    def switch(version: str, title: str) -> Change:
        addresses = {pod.ipv4 for pod in ready if pod.version == version}
        return Change(title, lambda: stage.cluster.set_active(web, version), {question: addresses})

    return (
        switch("v1", "spec.release.blueGreen.active is v1: nobody is sent to v2 any more"),
        switch("v2", "The switch to v2: no answer holds both, and none is empty"),
    )


@dataclass(frozen=True, slots=True)
class Shown:
    """When a change was acknowledged, and how long the slowest of its answers took from there."""

    acknowledged: Acknowledged
    milliseconds: float


def show(change: Change, stage: Stage, terminal: Terminal) -> Shown:
    """Make a change, and show the answers before and after.

    Raises Missed when an answer does not become what is expected.
    """
    before = {question: stage.server.ask(question) for question in change.expected}
    acknowledged = change.make()
    after: dict[Question, tuple[Answer, float]] = {
        question: stage.server.wait_for(question, records, acknowledged)
        for question, records in change.expected.items()
    }
    terminal.change(change.title)
    for question, (answer, milliseconds) in after.items():
        terminal.before(str(question), str(before[question]))
        terminal.after(str(answer), milliseconds)
    return Shown(acknowledged, max(milliseconds for _, milliseconds in after.values()))
