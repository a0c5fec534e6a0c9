"""Makes what follows from the sources: the chart's copy of the CRDs, and install.yaml from the chart.

python manifests/generate.py [path of helm]
"""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CRDS = ROOT / "manifests" / "crds"
CHART = ROOT / "charts" / "rollcall"
INSTALL = ROOT / "manifests" / "install.yaml"
NAMESPACE = "rollcall-system"

_HEAD = f"""\
# All of Rollcall for a cluster without Helm. Made from charts/rollcall by manifests/generate.py.
# kubectl apply --server-side -f install.yaml
---
apiVersion: v1
kind: Namespace
metadata:
  name: {NAMESPACE}
"""
_HELMS_OWN = ("# Source: ", "app.kubernetes.io/managed-by: Helm", "helm.sh/chart: ")


def install_yaml(helm: str) -> str:
    """Render the chart with its default values, without the labels that say that Helm owns it."""
    command = [helm, "template", "rollcall", str(CHART), "--namespace", NAMESPACE, "--include-crds"]
    rendered = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    lines = [line for line in rendered.splitlines() if not line.lstrip().startswith(_HELMS_OWN)]
    return _HEAD + "\n".join(lines).replace("\n\n---", "\n---").strip() + "\n"


def main() -> None:
    """Write both."""
    shutil.copytree(CRDS, CHART / "crds", dirs_exist_ok=True)
    INSTALL.write_text(install_yaml(sys.argv[1] if len(sys.argv) > 1 else "helm"))


if __name__ == "__main__":
    main()
