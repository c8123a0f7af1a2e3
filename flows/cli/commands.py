"""Registers every command by importing the modules that define them."""

from flows.cli import (
    audit_commands,
    batch_commands,
    contract_commands,
    data_commands,
    demo_commands,
    health_commands,
    inbox_commands,
    model_commands,
    profile_commands,
    promotion_commands,
    quarantine_commands,
    running_commands,
    simulation_commands,
    version_commands,
)

__all__ = [
    "audit_commands",
    "batch_commands",
    "contract_commands",
    "data_commands",
    "demo_commands",
    "health_commands",
    "inbox_commands",
    "model_commands",
    "profile_commands",
    "promotion_commands",
    "quarantine_commands",
    "running_commands",
    "simulation_commands",
    "version_commands",
]
