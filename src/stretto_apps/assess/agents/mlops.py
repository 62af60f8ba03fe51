"""Machine-learning operations: accelerator hours and their price, and how mature the practice is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto_apps.assess.data.prices import HOURS_A_MONTH, SPOT_DISCOUNT, price
from stretto_apps.assess.findings import Findings, computed, from_request, grade, has, practice, usd
from stretto_apps.assess.sizing import accelerators, gpu_split
from stretto_apps.assess.types import Priority

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stretto_apps.assess.types import AssessmentRequest, Evidence, Recommendation

__all__ = ["AGENT", "find", "maturity", "uses_models"]

AGENT = "mlops"
LADDER = (
    ("experiment-tracking", "runs cannot be compared or repeated"),
    ("model-registry", "nobody can say which model is in production and who approved it"),
    ("data-versioning", "a model cannot be rebuilt from the data it was trained on"),
    ("ci-cd", "models reach production by hand"),
    ("drift-monitoring", "a model that has gone stale is noticed by customers first"),
)
IDLE_SHARE = 0.45  # share of paid inference hours without a request; assumed
RESTART_SHARE = 0.08  # training work repeated after spot interruptions; assumed


def find(request: AssessmentRequest) -> Findings:
    """Splits accelerator hours into training and inference, prices both, grades the practice 0 to 5."""
    level = maturity(request)
    facts = _facts(request, level)
    return Findings(
        agent=AGENT,
        title="Machine-learning operations",
        headline=_headline(request, level),
        highlights=_highlights(request),
        facts=facts,
        recommendations=tuple(_recommendations(request)),
        confidence=grade(facts, request.workload.gpu_hours > 0, bool(request.workload.models)),
    )


def uses_models(request: AssessmentRequest) -> bool:
    """Whether machine learning is in use: named models, accelerator hours, or a workload of that kind."""
    work = request.workload
    return bool(work.models) or work.gpu_hours > 0 or work.kind.startswith("ml-")


def maturity(request: AssessmentRequest) -> int:
    """How many of the five practices are in place."""
    return sum(has(request, name) for name, _ in LADDER)


def _headline(request: AssessmentRequest, level: int) -> str:
    if not uses_models(request):
        return "No models and no accelerators are in use, so there is nothing to operate yet."
    count = len(request.workload.models)
    return (
        f"{count} model{'' if count == 1 else 's'} in use at level {level} of {len(LADDER)} in "
        "operating practice."
    )


def _highlights(request: AssessmentRequest) -> tuple[str, ...]:
    training, inference = gpu_split(request)
    if not request.workload.gpu_hours:
        return ()
    busy = accelerators(inference)
    return (
        f"Training takes {training:,.0f} accelerator hours a month, inference {inference:,.0f}.",
        f"Inference keeps {busy} accelerator{'' if busy == 1 else 's'} busy at "
        f"{inference / (busy * HOURS_A_MONTH):.0%}."
        if busy
        else "No accelerator is kept for inference.",
    )


def _costs(request: AssessmentRequest) -> tuple[float, float]:
    training, inference = gpu_split(request)
    there = request.provider, request.region
    return training * price(*there, "gpu-training").value, inference * price(*there, "gpu-inference").value


def _facts(request: AssessmentRequest, level: int) -> tuple[Evidence, ...]:
    ladder = computed("Maturity", level, f"of {len(LADDER)}", "practices in place, request: controls")
    models = from_request("Models in use", len(request.workload.models), "models", "workload.models")
    if not request.workload.gpu_hours:
        return (ladder, models)
    training, inference = gpu_split(request)
    train_cost, infer_cost = _costs(request)
    split = "share of gpu_hours by kind of workload"
    return (
        ladder,
        models,
        from_request("Accelerator hours", request.workload.gpu_hours, "hours/month", "workload.gpu_hours"),
        computed("Training hours", training, "hours/month", split, assumption=True),
        computed("Inference hours", inference, "hours/month", split, assumption=True),
        computed("Training cost", train_cost, "USD/month", "hours × list price"),
        computed("Inference cost", infer_cost, "USD/month", "hours × list price"),
        price(request.provider, request.region, "gpu-training").evidence("Training accelerator hour"),
        price(request.provider, request.region, "gpu-inference").evidence("Inference accelerator hour"),
    )


def _recommendations(request: AssessmentRequest) -> Iterator[Recommendation]:
    if not uses_models(request):
        return
    for rung, (name, risk) in enumerate(LADDER, start=1):
        if not has(request, name):
            yield practice(
                AGENT,
                name,
                reason=f"Without it {risk}.",
                priority=Priority.HIGH if rung <= 2 and request.workload.models else Priority.MEDIUM,
                confidence=0.8,
                evidence=(
                    from_request("Models in use", len(request.workload.models), "models", "workload.models"),
                ),
            )
    yield from _spot(request)
    yield from _sharing(request)


def _spot(request: AssessmentRequest) -> Iterator[Recommendation]:
    training, _ = gpu_split(request)
    cost = _costs(request)[0]
    saving = cost * (1.0 - (1.0 - SPOT_DISCOUNT) * (1.0 + RESTART_SHARE))
    if saving < 50.0 or has(request, "spot-training"):
        return
    yield practice(
        AGENT,
        "spot-training",
        reason=f"{training:,.0f} training hours cost {usd(cost)} a month and can be interrupted.",
        priority=Priority.HIGH if saving > 0.1 * request.monthly_budget else Priority.MEDIUM,
        confidence=0.7,
        evidence=(
            price(request.provider, request.region, "gpu-training").evidence("Training accelerator hour"),
            computed(
                "Spot discount",
                SPOT_DISCOUNT * 100,
                "%",
                "cautious share of published discounts",
                assumption=True,
            ),
            computed("Repeated work", RESTART_SHARE * 100, "%", "estimate", assumption=True),
        ),
        saving=saving,
    )


def _sharing(request: AssessmentRequest) -> Iterator[Recommendation]:
    cost = _costs(request)[1]
    saving = cost * IDLE_SHARE
    if saving < 50.0 or has(request, "gpu-sharing"):
        return
    yield practice(
        AGENT,
        "gpu-sharing",
        reason=f"Inference accelerators cost {usd(cost)} a month and stand idle nearly half of the time.",
        priority=Priority.MEDIUM,
        confidence=0.6,
        evidence=(
            price(request.provider, request.region, "gpu-inference").evidence("Inference accelerator hour"),
            computed("Idle share", IDLE_SHARE * 100, "%", "estimate", assumption=True),
        ),
        saving=saving,
    )
