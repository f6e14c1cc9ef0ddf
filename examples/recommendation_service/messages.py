"""Requests and answers of the service, and their limits."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from recommendation_service.loaded_model import Who

MAX_K = 100
MAX_HISTORY = 1_000
MAX_CANDIDATES = 10_000
MAX_TEXT = 200

Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]
Id = Annotated[int, Field(strict=True, ge=-(10**18) + 1, lt=10**18)] | Annotated[Text, Field(strict=True)]
Strength = Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)]
K = Annotated[int, Field(ge=1, le=MAX_K)]

# What each value of a request must be, for the sentences about invalid ones. The elements of a list have a [].
_ID = f"an integer of at most 18 digits or a string of 1 to {MAX_TEXT} characters"
_TEXT = f"a string of 1 to {MAX_TEXT} characters"
_SOME_ITEMS = f"a list of at most {MAX_CANDIDATES} item ids"
RULES = {
    "user": _ID,
    "history": f"a list of 1 to {MAX_HISTORY} item ids",
    "history[]": _ID,
    "strengths": "a list of numbers, one for each item of the history",
    "strengths[]": "a number above 0 and at most 1000000",
    "k": f"an integer from 1 to {MAX_K}",
    "candidates": _SOME_ITEMS,
    "candidates[]": _ID,
    "exclude": _SOME_ITEMS,
    "exclude[]": _ID,
    "exclude_seen": "true or false",
    "by": '"history", "features" or null',
    "item": _ID,
    "other": _ID,
    "name": _TEXT,
    "text": f"a string of at most {MAX_TEXT} characters",
}


class OfSomeone(BaseModel):
    """Part of a request: a known user, or a history of a new user, or both if the interactions of a user changed."""

    model_config = ConfigDict(extra="forbid")

    user: Id | None = None
    history: Annotated[list[Id], Field(min_length=1, max_length=MAX_HISTORY)] | None = None
    strengths: list[Strength] | None = None

    @model_validator(mode="before")
    @classmethod
    def _check_names(cls, body: Any) -> Any:
        unknown = [name for name in body if name not in cls.model_fields] if isinstance(body, dict) else []
        if unknown:
            fields = ", ".join(cls.model_fields)
            raise ValueError(f"The field {unknown[0][:MAX_TEXT]!a} is unknown. The fields are {fields}.")
        return body

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.user is None and self.history is None:
            raise ValueError(
                'Pass a user, such as {"user": 7}, or a history, such as {"history": [7, 8]}, got neither.'
            )
        n_items = 0 if self.history is None else len(self.history)
        if self.strengths is not None and len(self.strengths) != n_items:
            raise ValueError(f"Pass as many strengths as items in history, got {len(self.strengths)} and {n_items}.")
        return self

    def who(self) -> Who:
        """Return this part of the request."""
        return Who(self.user, self.history, self.strengths)


class RecommendRequest(OfSomeone):
    """Request for recommendations."""

    k: K = 10
    candidates: Annotated[list[Id], Field(max_length=MAX_CANDIDATES)] | None = None
    exclude: Annotated[list[Id], Field(max_length=MAX_CANDIDATES)] = []
    exclude_seen: bool = True


class ExplainRequest(OfSomeone):
    """Request to explain the score of an item."""

    item: Id
    by: Literal["history", "features"] | None = None


class Health(BaseModel):
    """State of the service. `last_error` tells why the latest model file was refused."""

    model: str
    users: int
    items: int
    loaded_at: datetime
    last_error: str | None


class Item(BaseModel):
    """An item in a list. Lists that are not ranked by a score have no scores."""

    item: int | str
    title: str
    score: float | None = None


class Items(BaseModel):
    """A list of items, and the ids in the request that the model does not know."""

    model: str
    items: list[Item]
    unknown_items: list[int | str] = []


class ItemDetails(BaseModel):
    """An item with its features, and the number of users who interacted with it."""

    item: int | str
    title: str
    features: list[str]
    n_users: int


class Feature(BaseModel):
    """A feature, and the number of items that have it."""

    feature: str
    n_items: int


class Contribution(BaseModel):
    """A row of the table that `inspection.explain` returns. Items have a title."""

    source: str
    name: str | None
    title: str | None
    contribution: float | None
    similarity: float | None


class Explanation(BaseModel):
    """The contributions, whose sum is the score."""

    model: str
    contributions: list[Contribution]


class CommonTraits(BaseModel):
    """What two items have in common."""

    n_users: int
    features: list[str]
