"""Rollcall: service discovery for Kubernetes that leaves the cluster.

Data flows one way: watch → directory → zone → serve and publish. Start reading at `app.py`.
"""

__version__ = "0.1.0"
