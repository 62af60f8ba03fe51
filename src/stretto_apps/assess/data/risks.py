"""What goes wrong without each control of the security baseline, in one clause after "Without it"."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RISKS"]

RISKS: Mapping[str, str] = {
    "mfa": "one guessed or phished password opens production",
    "sso": "accounts of people who left stay open in tools nobody remembers",
    "least-privilege": "one stolen account reaches everything",
    "access-reviews": "rights pile up and nobody takes them back",
    "encryption-at-rest": "a copied disk, snapshot or backup is readable by whoever has it",
    "encryption-in-transit": "whoever sits on the path can read and change what passes",
    "key-management": "a key that leaked once opens the data for good",
    "secrets-management": "a password in a repository is on every laptop and build server",
    "network-segmentation": "a foothold anywhere reaches the data stores",
    "waf": "known attacks on web applications reach the code unfiltered",
    "anti-malware": "a file from outside can carry an attack inside",
    "hardened-configuration": "default settings and open ports invite the first scan that passes",
    "device-management": "a lost laptop is a breach instead of a nuisance",
    "vulnerability-scanning": "known holes are found by attackers first",
    "patch-management": "holes stay open after their fix is published, when attacks on them begin",
    "penetration-tests": "nobody has tried what an attacker would try",
    "secure-sdlc": "flaws are built in and found in production",
    "audit-logging": "nobody can say afterwards who saw or changed what",
    "log-retention": "the traces are gone by the time a breach is noticed",
    "monitoring": "customers report the outage before the team sees it",
    "intrusion-detection": "an intruder stays unseen for months",
    "incident-response": "the first hour of an incident goes into finding out who decides",
    "backups": "a deletion, a defect or an extortion is final",
    "restore-tests": "whether a backup can be restored is found out when it must be",
    "disaster-recovery": "the loss of a region stops the business for as long as it takes to improvise",
    "security-policy": "everybody decides alone what is allowed",
    "risk-assessment": "money goes to the risk that was in the news",
    "security-training": "people stay the easiest way in",
    "vendor-management": "a supplier's breach is a surprise",
    "asset-inventory": "systems nobody knows of are neither patched nor watched",
    "change-management": "a change nobody reviewed takes the system down or opens it",
}
