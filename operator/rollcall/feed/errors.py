"""What can be wrong with what the other end says."""


class FrameError(Exception):
    """The other end of the feed sent what isn't a frame, or not at its time."""


class DeltaError(Exception):
    """A change that can't be: an owner outside its zone, a zone without a SOA."""
