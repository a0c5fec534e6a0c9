"""The custom resources: reading the configuration, writing status, Events and missing ServiceInstances."""

from .alarms import Alarms
from .configuration import Configuration
from .creation import InstanceCreator
from .events import EventRecorder
from .file_status import file_status
from .handover import HandedOut, handed_out_serials
from .kinds import Kind, ObjectRef
from .published import Publications, Published
from .release_status import next_step_look
from .service_status import service_status
from .status_writer import StatusWriter, Written
from .target_states import TargetState, TargetStates
from .zone_status import zone_status

__all__ = [
    "Alarms",
    "Configuration",
    "EventRecorder",
    "HandedOut",
    "InstanceCreator",
    "Kind",
    "ObjectRef",
    "Publications",
    "Published",
    "StatusWriter",
    "TargetState",
    "TargetStates",
    "Written",
    "file_status",
    "handed_out_serials",
    "next_step_look",
    "service_status",
    "zone_status",
]
