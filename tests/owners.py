"""Whose the state is that tests write, and somebody else."""

from rollcall.model.owner import ClusterName, Owner

CLUSTER = ClusterName("https://api.example", ("a1",))
OWNER = Owner("rollcall", CLUSTER)
OTHER_CLUSTER = Owner("rollcall", ClusterName("https://api.example", ("b2",)))
OTHER_INSTALLATION = Owner("another", CLUSTER)
