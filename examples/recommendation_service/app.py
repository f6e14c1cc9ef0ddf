"""The endpoints of the service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Annotated, Any

from anyio.to_thread import current_default_thread_limiter
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles

from recommendation_service.guard import Guard
from recommendation_service.ids import UnknownIdError
from recommendation_service.loaded_model import LoadedModel, Ranked
from recommendation_service.messages import (
    MAX_TEXT,
    CommonTraits,
    Contribution,
    ExplainRequest,
    Explanation,
    Feature,
    Health,
    Item,
    ItemDetails,
    Items,
    K,
    RecommendRequest,
)
from recommendation_service.model_store import ModelStore
from recommendation_service.sentences import received, why_invalid
from sklearn_recsketch.inspection import placeholder_picture

STATIC = Path(__file__).parent / "static"
PICTURE_TYPES = {b"\xff\xd8": "image/jpeg", b"\x89P": "image/png", b"GI": "image/gif", b"RI": "image/webp"}

Pictures = Callable[[Any], bytes | None]  # returns the picture of an item id, or None if there is none


async def current_model(request: Request) -> LoadedModel:
    """Return the model for a request. The request keeps it, even if the file is replaced before the answer."""
    return request.app.state.store.current


Model = Annotated[LoadedModel, Depends(current_model)]
ItemId = Annotated[str, Query(alias="item", min_length=1, max_length=MAX_TEXT)]
router = APIRouter()


def create_app(store: ModelStore, pictures: Pictures | None = None, n_threads: int = 4) -> FastAPI:
    """Create the service.

    Parameters
    ----------
    store : ModelStore
        Store of the model. Its file is watched while the service runs.
    pictures : callable, default=None
        Function that returns the picture of an item id. Items without a picture get a placeholder.
    n_threads : int, default=4
        Number of requests that are computed at the same time. Others wait.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        current_default_thread_limiter().total_tokens = n_threads
        store.start()
        yield
        store.stop()

    # The pages of FastAPI that show the documentation load scripts from another host, which our headers forbid.
    app = FastAPI(title="Recommendations", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.store, app.state.pictures = store, pictures
    app.include_router(router)
    app.mount("/static", StaticFiles(directory=STATIC))
    app.add_middleware(Guard)
    app.add_exception_handler(RequestValidationError, explain_invalid_request)
    return app


async def explain_invalid_request(request: Request, error: Exception) -> JSONResponse:
    """Answer an invalid request with sentences that say what is wrong, what was received and what is allowed."""
    assert isinstance(error, RequestValidationError)
    if isinstance(error.body, bytes):  # FastAPI has not read the body as JSON, because the header does not say so
        media_type = request.headers.get("content-type")
        got = "no Content-Type" if media_type is None else received(media_type)
        return JSONResponse({"detail": f"Send the header Content-Type: application/json, got {got}."}, 415)
    return JSONResponse({"detail": why_invalid(error)}, 422)


@contextmanager
def client_errors() -> Iterator[None]:
    """Answer with status 404 if an id is unknown, and with 422 if the recommender refuses the request."""
    try:
        yield
    except UnknownIdError as error:
        raise HTTPException(404, str(error)) from error
    except ValueError as error:
        raise HTTPException(422, str(error)) from error


def titled(model: LoadedModel, ranked: Ranked) -> Items:
    """Add the titles to ranked items."""
    titles = model.catalogue.titles
    items = [
        Item(item=item, title=titles[model.items.row(item)], score=score)
        for item, score in zip(ranked.items, ranked.scores, strict=True)
    ]
    return Items(model=model.version, items=items, unknown_items=ranked.unknown)


# Functions without async run in threads, so that computations do not delay other requests.


@router.get("/health")
async def health(request: Request, model: Model) -> Health:
    """Tell which model answers. It has no thread to wait for, so it also answers under load."""
    return Health(
        model=model.version,
        users=len(model.recommender.users_),
        items=len(model.recommender.items_),
        loaded_at=model.loaded_at,
        last_error=request.app.state.store.last_error,
    )


@router.post("/api/recommend")
def recommend(request: RecommendRequest, model: Model) -> Items:
    """Recommend items to a known user or to a new user with a history."""
    with client_errors():
        ranked = model.recommend(request.who(), request.k, request.candidates, request.exclude, request.exclude_seen)
    return titled(model, ranked)


@router.post("/api/explain")
def explain(request: ExplainRequest, model: Model) -> Explanation:
    """Split the score of an item into contributions."""
    with client_errors():
        rows = model.explain(request.who(), request.item, request.by)
    contributions = []
    for row in rows:
        title = None
        if row["source"] in ("history", "item", "bias"):
            title = model.catalogue.titles[model.items.row(row["name"])]
        contributions.append(Contribution(title=title, **row))
    return Explanation(model=model.version, contributions=contributions)


@router.get("/api/similar")
def similar(item: ItemId, model: Model, k: K = 10) -> Items:
    """Find similar items."""
    with client_errors():
        ranked = model.similar_items(item, k)
    return titled(model, ranked)


@router.get("/api/common")
def common(item: ItemId, other: Annotated[str, Query(min_length=1, max_length=MAX_TEXT)], model: Model) -> CommonTraits:
    """Tell which features and how many users two items have in common."""
    with client_errors():
        of_item, of_other = (set(model.catalogue.features(model.items.row(id))) for id in (item, other))
        return CommonTraits(n_users=model.common_users(item, other), features=sorted(of_item & of_other))


@router.get("/api/feature")
def feature(name: Annotated[str, Query(min_length=1, max_length=MAX_TEXT)], model: Model, k: K = 10) -> Items:
    """Sort the items by their similarity to a feature, such as a tag."""
    with client_errors():
        ranked = model.items_for_feature(name, k)
    return titled(model, ranked)


@router.get("/api/features")
def features(model: Model, k: K = 30) -> list[Feature]:
    """List the features that most items have."""
    counts = sorted(model.catalogue.feature_counts.items(), key=lambda pair: -pair[1])
    return [Feature(feature=name, n_items=n_items) for name, n_items in counts[:k]]


@router.get("/api/search")
def search(model: Model, text: Annotated[str, Query(max_length=MAX_TEXT)] = "", k: K = 10) -> Items:
    """Search items by their title. Without a text, list the most popular items."""
    ids, titles = model.catalogue.ids, model.catalogue.titles
    rows = model.catalogue.search(text, k)
    return Items(model=model.version, items=[Item(item=ids[row], title=titles[row]) for row in rows])


@router.get("/api/item")
def item_details(item: ItemId, model: Model) -> ItemDetails:
    """Describe an item."""
    with client_errors():
        row = model.items.row(item)
    catalogue = model.catalogue
    return ItemDetails(
        item=catalogue.ids[row],
        title=catalogue.titles[row],
        features=catalogue.features(row),
        n_users=len(catalogue.users(row)),
    )


@router.get("/picture", response_class=Response)
def picture(request: Request, item: ItemId, model: Model) -> Response:
    """Return the picture of an item, or a placeholder."""
    with client_errors():
        row = model.items.row(item)
    id, title = model.catalogue.ids[row], model.catalogue.titles[row]
    pictures = request.app.state.pictures
    content = None if pictures is None else pictures(id)
    media_type = None if content is None else PICTURE_TYPES.get(content[:2])
    if content is None or media_type is None:
        content, media_type = placeholder_picture(id, title), "image/svg+xml"
    return Response(content, media_type=media_type, headers={"Cache-Control": "max-age=3600"})


@router.get("/", response_class=FileResponse)
async def page() -> FileResponse:
    """Return the web page. Its script reads the item or the feature to show from the URL."""
    return FileResponse(STATIC / "index.html", headers={"Cache-Control": "no-cache"})
