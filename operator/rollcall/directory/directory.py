"""Who is eligible, and why not: pods, services and ServiceInstances in, changed services out.

Each call costs what it touches: a pod's change is looked up in an inverted index of selectors and recomputes
that one pod for the services that select it. What a release makes of the instances is decided when the
changes are taken, all at once: a switch from one version to another is one change.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set

from rollcall.model import (
    EndpointSlice,
    Follow,
    Instance,
    Key,
    Pod,
    Problem,
    Reason,
    Released,
    Seniority,
    Service,
    ServiceInstance,
    Workload,
)
from rollcall.model.quotas import SERVICES_PER_POD

from .changes import ServiceChange
from .eligibility import judge
from .endpoints import PENDING, instances_of, narrow, ports_of
from .entry import Entry
from .follow import decide_on, keep, settle
from .followers import Followers
from .index import LabelIndex, SelectorIndex
from .outcome import outcome, under
from .release import Decision, follows, shares
from .selections import Selections
from .slices import Slices
from .steps import in_step


class Directory:
    """All services and their instances; `publication_gate` as in `judge`.

    A pod is an instance of at most `services_per_pod` services, the oldest of those that select it.
    """

    def __init__(self, *, publication_gate: bool = False, services_per_pod: int = SERVICES_PER_POD) -> None:
        self._publication_gate = publication_gate
        self._entries: dict[Key, Entry] = {}
        self._entries_of: defaultdict[str, dict[Key, Entry]] = defaultdict(dict)
        self._pods: dict[Key, Pod] = {}
        self._selections = Selections(services_per_pod)
        self._pod_labels = LabelIndex()
        self._selectors = SelectorIndex()
        self._followers = Followers()
        self._slices = Slices()
        self._slices_problem: Problem | None = PENDING
        self._slices_changed: set[Key] = set()
        self._asking_slices: set[Key] = set()
        self._changes: dict[Key, ServiceChange] = {}
        self._undecided: dict[Key, set[Key] | None] = {}

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Key) -> Entry | None:
        """Return a service, or None where nothing is known by that name."""
        return self._entries.get(key)

    def in_namespaces(self, namespaces: Iterable[str]) -> Iterator[Entry]:
        """Yield the services of these namespaces."""
        for namespace in namespaces:
            yield from self._entries_of.get(namespace, {}).values()

    def instances_of(self, pod: Key) -> list[Instance] | None:
        """Return what a pod is for each service that selects it, None where no such pod is known."""
        if pod not in self._pods:
            return None
        entries = (self._entries[key] for key in self._selections.holders(pod))
        return [instance for entry in entries if (instance := entry.instances.get(pod)) is not None]

    def awaits_switch(self, pod: Key) -> bool:
        """Whether a pod is held back from the answers of a service only until others of its version come."""
        for key in self._selections.holders(pod):
            entry = self._entries[key]
            instance = entry.instances.get(pod)
            if instance is None:
                continue
            if instance.reason is Reason.OTHER_VERSION and entry.awaits_switch(instance.version):
                return True
        return False

    def take_changes(self) -> Mapping[Key, ServiceChange]:
        """Decide on releases, and return what has changed since the last call, by service."""
        for key in self._slices_changed:
            if (entry := self._entries.get(key)) is not None and entry.asks_slices:
                self._read_slices(entry)
        self._slices_changed.clear()
        for key, pods in self._undecided.items():
            if (entry := self._entries.get(key)) is not None:
                self._decide(entry, pods)
        self._undecided.clear()
        changes, self._changes = self._changes, {}
        return changes

    def apply_pod(self, pod: Pod) -> None:
        """Add or replace a pod."""
        key = pod.key
        before = self._pods.get(key)
        self._pods[key] = pod
        if before is None or before.labels != pod.labels:
            self._pod_labels.put(key, pod.labels)
            was = self._selections.selecting(key)
            services = self._selectors.matching(key.namespace, pod.labels)
            self._selections.replace(key, [self._entries[service].seniority for service in services])
            now = self._selections.selecting(key)
            for service in {*was}.difference(now):
                self._expel(self._entries[service], key)
            for service in now[len(self._selections.holders(key)) :]:
                self._pass_over(self._entries[service], key)
        for service in self._selections.holders(key):
            self._admit(self._entries[service], pod)

    def remove_pod(self, key: Key) -> None:
        """Forget a pod."""
        if self._pods.pop(key, None) is None:
            return
        self._pod_labels.discard(key)
        for service in self._selections.selecting(key):
            self._expel(self._entries[service], key)
        self._selections.replace(key, [])

    def apply_service(self, service: Service) -> None:
        """Add or replace a Service."""
        entry = self._entry(service.key)
        before, entry.service = entry.selector, service
        if self._slices_problem is PENDING and not service.selector:
            entry.selector_before = before
        else:
            entry.selector_before = None
        self._reselect(entry)

    def remove_service(self, key: Key) -> None:
        """Forget a Service; the service lives on where a ServiceInstance stands for it."""
        if (entry := self._entries.get(key)) is not None:
            entry.service = None
            self._reselect(entry)

    def apply_resource(self, resource: ServiceInstance) -> None:
        """Add or replace a ServiceInstance.

        Of its status only the first one counts, which says what was in force before this process ran; later
        ones are an echo of what we decided ourselves, and change nothing. The exceptions: the steps of a
        canary are taken there; and a release that somebody else has let through and we have not, which is
        another replica, whose pods came in another order, and all should answer the same.
        """
        entry = self._entry(resource.key)
        labels = entry.version_labels
        before, entry.resource = entry.resource, resource
        if (
            before is None
            or before.spec != resource.spec
            or before.labels != resource.labels
            or before.created != resource.created
        ):
            self._reselect(entry)
            return
        if resource.progress != before.progress:  # the leader's word is the only one
            self._undecided[entry.key] = None
        told = resource.released
        if told != before.released and told and entry.is_refused and follows(told, entry.ask):
            entry.released = told
            self._undecided[entry.key] = None
        if entry.version_labels != labels:  # those of what is in force, while it isn't known what to follow
            self._reselect(entry)
        if (before.generation, before.origin) != (resource.generation, resource.origin):
            self._change(entry.key).whole = True

    def remove_resource(self, key: Key) -> None:
        """Forget a ServiceInstance; the service lives on where there is a Service."""
        if (entry := self._entries.get(key)) is not None:
            entry.resource = None
            self._reselect(entry)

    @property
    def followed_kinds(self) -> frozenset[Follow]:
        """The kinds of roll-out that at least one service follows: what workloads to apply here."""
        return self._followers.kinds

    def apply_workload(self, workload: Workload) -> None:
        """Add or replace what rolls out pods."""
        for key in self._followers.apply_workload(workload):
            self._refollow(self._entries[key])

    def remove_workload(self, kind: type[Workload], key: Key) -> None:
        """Forget what rolls out pods."""
        for service in self._followers.remove(kind, key):
            self._refollow(self._entries[service])

    def set_follow_problem(self, follow: Follow, problem: Problem | None) -> None:
        """Say why nothing is known of a kind of roll-out; None: all workloads of it have been applied."""
        if self._followers.problems[follow] != problem:
            self._followers.problems[follow] = problem
            for key in self._followers.of(follow):
                self._refollow(self._entries[key])

    @property
    def asking_slices(self) -> Set[Key]:
        """The services whose instances are those of EndpointSlices: Services without a selector."""
        return self._asking_slices

    def apply_slice(self, endpoint_slice: EndpointSlice) -> None:
        """Add or replace an EndpointSlice."""
        self._slices_changed |= self._slices.put(endpoint_slice)

    def remove_slice(self, key: Key) -> None:
        """Forget an EndpointSlice."""
        self._slices_changed |= self._slices.discard(key)

    def set_slices_problem(self, problem: Problem | None) -> None:
        """Say why nothing is known of EndpointSlices; None: all of them have been applied."""
        if self._slices_problem != problem:
            self._slices_problem = problem
            for key in list(self._asking_slices):
                self._entries[key].selector_before = None
                self._reselect(self._entries[key])

    def _refollow(self, entry: Entry) -> None:
        """Look again at what a service follows."""
        labels, followed = entry.version_labels, entry.followed
        entry.followed = self._followers.find(entry.key, entry.spec.release, entry.selector)
        if entry.version_labels != labels:
            self._reselect(entry)
        elif entry.followed != followed:
            self._undecided[entry.key] = None

    def _entry(self, key: Key) -> Entry:
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = self._entries_of[key.namespace][key] = Entry(key)
        return entry

    def _change(self, key: Key) -> ServiceChange:
        change = self._changes.get(key)
        if change is None:
            change = self._changes[key] = ServiceChange()
        return change

    def _reselect(self, entry: Entry) -> None:
        """Compute a service anew after a change of its Service or its ServiceInstance."""
        key = entry.key
        self._change(key).whole = True
        self._undecided[key] = None
        entry.slices_problem, entry.has_slices, entry.slice_ports = self._slices_problem, False, ()
        (self._asking_slices.add if entry.asks_slices else self._asking_slices.discard)(key)
        selector = entry.selector
        self._selectors.put(key, selector)
        release = entry.spec.release
        self._followers.put(key, release.follow, selector)
        entry.followed = self._followers.find(key, release, selector) if release.follow else None
        entry.asked = None
        self._pod_labels.set_selector(key, selector)
        selected = self._pod_labels.selected_by(key)
        former, entry.seniority = entry.seniority, (entry.created, key)
        for pod in (entry.judged.keys() | entry.ended.keys() | entry.passed_over) - set(selected):
            if entry.asks_slices and pod in entry.judged and entry.judged[pod].slice:
                continue  # an endpoint: they are looked at below
            if self._selections.has(pod, former):
                self._move(pod, former, None)
            self._expel(entry, pod)
        before, entry.judged_by = entry.judged_by, entry.criteria
        for pod in selected:
            if not self._selections.has(pod, former):
                self._move(pod, None, entry.seniority)
                continue
            if former != entry.seniority:
                self._move(pod, former, entry.seniority)
            if before != entry.judged_by and pod not in entry.passed_over:
                self._admit(entry, self._pods[pod])
        if entry.asks_slices:
            self._read_slices(entry)
        if entry.service is None and entry.resource is None:
            del self._entries[key]
            del self._entries_of[key.namespace][key]
            if not self._entries_of[key.namespace]:
                del self._entries_of[key.namespace]

    def _read_slices(self, entry: Entry) -> None:
        """Bring a service to what its EndpointSlices say; nothing where that isn't known."""
        if entry.selector or self._slices_problem is not None:
            return
        slices = self._slices.of(entry.key)
        before = entry.problem, entry.ports
        entry.has_slices, entry.slice_ports = bool(slices), ports_of(slices)
        if before != (entry.problem, entry.ports):
            self._change(entry.key).whole = True
        found = instances_of(slices, entry.spec.ports, entry.spec.eligibility)
        for name in [name for name in entry.judged if name not in found]:
            self._set_judged(entry, name, None)
        for name, instance in found.items():
            self._set_judged(entry, name, narrow(instance, entry.spec.ip_families))

    def _move(self, pod: Key, before: Seniority | None, after: Seniority | None) -> None:
        """Give a service another seniority among those that select a pod; others may get it, or lose it."""
        had = self._selections.holders(pod)
        self._selections.move(pod, before, after)
        have = self._selections.holders(pod)
        if after is not None and after[1] not in have:
            self._pass_over(self._entries[after[1]], pod)
        moved = {seniority[1] for seniority in (before, after) if seniority is not None}
        for lost in {*had}.difference(have) - moved:
            self._pass_over(self._entries[lost], pod)
        for gained in {*have}.difference(had):
            self._admit(self._entries[gained], self._pods[pod])

    def _pass_over(self, entry: Entry, pod: Key) -> None:
        """Leave a pod out of a service that selects it, for as many older ones as may have it do."""
        if pod in entry.passed_over:
            return
        self._expel(entry, pod)
        entry.passed_over.add(pod)
        self._change(entry.key).pods.add(pod)

    def _admit(self, entry: Entry, pod: Pod) -> None:
        if pod.key in entry.passed_over:
            entry.passed_over.discard(pod.key)
            self._change(entry.key).pods.add(pod.key)
        if pod.has_ended:
            self._set_judged(entry, pod.key, None)
            if entry.ended.get(pod.key) != pod.phase:
                entry.ended[pod.key] = Reason(pod.phase)
                self._change(entry.key).pods.add(pod.key)
            return
        if entry.ended and entry.ended.pop(pod.key, None) is not None:  # another pod of that name
            self._change(entry.key).pods.add(pod.key)
        instance = judge(pod, entry.judged_by or entry.criteria, publication_gate=self._publication_gate)
        self._set_judged(entry, pod.key, instance)

    def _expel(self, entry: Entry, pod: Key) -> None:
        """Forget what a pod was for a service."""
        self._set_judged(entry, pod, None)
        if pod in entry.passed_over or pod in entry.ended:
            entry.passed_over.discard(pod)
            entry.ended.pop(pod, None)
            self._change(entry.key).pods.add(pod)

    def _set_judged(self, entry: Entry, pod: Key, after: Instance | None) -> None:
        """Set an instance by itself, and give it its label; which may cost another one its own."""
        labels = entry.instance_labels
        affected = labels.ask(pod, entry.judged.get(pod), after, entry.judged)
        self._store(entry, pod, after and labels.labelled(after))
        for other in affected:
            self._store(entry, other, labels.labelled(entry.judged[other]))

    def _store(self, entry: Entry, pod: Key, after: Instance | None) -> None:
        """Set an instance as it is before a release has its say; where none is in force, that is all."""
        before = entry.judged.get(pod)
        if before == after:
            return
        if _version(before) != _version(after):
            colliding = entry.colliding_versions
            entry.count_version(_version(before), _version(after))
            if entry.colliding_versions != colliding:
                self._change(entry.key).whole = True
        if _coming(before) != _coming(after):
            entry.count_coming(_coming(before), _coming(after))
        if entry.judged is entry.instances:
            self._set_instance(entry, pod, after)
            if not entry.is_refused:
                return  # else this may be the instance that it waits for
        elif after is None:
            del entry.judged[pod]
        else:
            entry.judged[pod] = after
        pods = self._undecided.setdefault(entry.key, set())
        if pods is not None:
            pods.add(pod)

    def _decide(self, entry: Entry, pods: set[Key] | None) -> None:
        """Decide which release is in force, and what each instance is under it.

        `pods` are those that changed since, None where more did. Where one version has all answers, and had
        them before, the others are what they were; a canary's weights are those of whole sides.
        """
        decision = self._decision(entry)
        entry.released, entry.is_refused = decision.released, decision.is_refused
        if entry.release_problem != decision.problem:
            entry.release_problem = decision.problem
            self._change(entry.key)
        before, entry.answered = entry.answered, shares(entry.released, entry.versions)
        if pods is not None and entry.answered == before and (before is None or len(before) == 1):
            if before is not None:
                labels = entry.version_labels
                for pod in pods:
                    self._set_instance(entry, pod, under(entry.judged.get(pod), before, labels))
            return
        after = outcome(entry.judged, entry.released, entry.answered, entry.ask.canary, entry.version_labels)
        if after is not entry.judged and entry.judged is entry.instances:
            entry.judged = dict(entry.instances)
        for pod in [pod for pod in entry.instances if pod not in after]:
            self._set_instance(entry, pod, None)
        for pod, instance in after.items():
            self._set_instance(entry, pod, instance)
        if after is entry.judged:
            entry.judged = entry.instances

    def _decision(self, entry: Entry) -> Decision:
        if entry.resource is None:  # nothing is asked for, and nothing can be remembered
            return Decision(Released())
        before, followed = entry.before, entry.followed
        if isinstance(followed, Problem):
            return keep(before, followed)
        entry.asked = settle(followed, before, entry.versions) if followed else None
        ask = in_step(entry.ask, entry.resource.progress)
        return decide_on(ask, entry.version_label, before, entry.versions, is_followed=followed is not None)

    def _set_instance(self, entry: Entry, pod: Key, after: Instance | None) -> None:
        before = entry.instances.get(pod)
        if before is after or before == after:
            return
        entry.put(pod, after)
        self._change(entry.key).note(pod, before, after)


def _version(instance: Instance | None) -> str:
    """Return the version that an instance is answered under, "" where it is not."""
    return instance.version if instance and instance.available else ""


def _coming(instance: Instance | None) -> str:
    """Return the version that an instance on its way will be answered under, "" where it is on none."""
    if instance is None or instance.terminating or not instance.node:
        return ""  # one without a node may need the room of others
    return instance.version if instance.reason.is_on_its_way else ""
