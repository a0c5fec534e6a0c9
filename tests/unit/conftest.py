"""What holds for the unit tier."""

from hypothesis import HealthCheck, settings

from thorough import examples

# How long an example takes, or its making, says nothing on a machine that does other things beside it: with
# the usual deadline of 200 ms a property fails because something else had the core for so long.
settings.register_profile(
    "any machine",
    settings.default,
    max_examples=examples(100),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("any machine")
