"""The settings that decide about a customer's days: those of the installation, and the customer's config over them."""

from __future__ import annotations

from dataclasses import replace

from processing.domain.readiness.observation import ReadinessPolicy
from processing.stored.context import JobContext
from processing.stored.customer_config import load_config
from schemas.customer_config import CustomerConfig


def readiness_policy(context: JobContext, customer: str) -> ReadinessPolicy:
    """The policy by the config that is in force; while it is broken, by the last good one."""
    return policy_of(context, load_config(context.lake, customer, context.configs).config)


def policy_of(context: JobContext, config: CustomerConfig) -> ReadinessPolicy:
    """The policy by a config."""
    policy = context.readiness
    if "first_day_window_days" in config.model_fields_set:
        policy = replace(policy, first_day_window=config.first_day_window_days)
    return replace(
        policy,
        first_day=config.first_day,
        infer_gaps=config.gap_policy == "infer",
        wait_for_refused=config.on_refused == "wait",
        hold_late=config.late_policy == "hold",
        late_threshold=config.late_threshold,
        late_window_days=config.late_window_days,
    )
