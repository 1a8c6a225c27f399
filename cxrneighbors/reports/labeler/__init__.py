"""Findings and devices in radiology reports: present, absent or uncertain, and the sentence that says so."""
