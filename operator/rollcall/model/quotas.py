"""How much one namespace may have of what costs the others something, unless another quota is asked for."""

SERVICES_PER_POD = 64
"""Services that may have one pod as an instance.

Each of them has it in memory and in its records, and all of them are looked at whenever the pod changes. A
pod is usually that of one or two, behind a mesh or many gateways of ten.
"""

FILES_PER_NAMESPACE = 1000
"""DiscoveryFiles of one namespace: a service that all of them hold has them all rendered at each change."""
