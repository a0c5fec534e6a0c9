"""What can be wrong with what the other end says."""


class FrameError(Exception):
    """The other end of the feed sent what isn't a frame, or not at its time."""


class DeltaError(Exception):
    """An impossible change: an owner outside its zone, a zone without a SOA."""
