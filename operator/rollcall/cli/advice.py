"""What to say when the API server doesn't do what a command asks of it."""

from rollcall.kube import CredentialsError, Forbidden, KindMissing, KubeError, Unauthorized, Unreachable

INSTALL = "kubectl apply --server-side -f manifests/install.yaml"


def advice(error: KubeError) -> str:
    """Say in a line what went wrong and what to do about it."""
    text = str(error).rstrip(".")
    if isinstance(error, CredentialsError):
        return f"{text}. Say which cluster with --kubeconfig and --context, or set KUBECONFIG."
    if isinstance(error, Unreachable):
        return f"the API server can't be reached: {text}. Is it running, and is the context the right one?"
    if isinstance(error, Unauthorized):
        return f"the API server doesn't know you: {error.message}. Log in again, or choose another --context."
    if isinstance(error, Forbidden):
        return f"a right is missing: {error.message}. Ask an administrator for it."
    if isinstance(error, KindMissing):
        return f"the API server doesn't know our resources: Rollcall is not installed. Install it: {INSTALL}"
    return str(error)
