"""What fills the directory and the configuration: pods and services, roll-outs, zones and files, Secrets."""
