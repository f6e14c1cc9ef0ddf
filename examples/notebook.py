"""Recommenders in a notebook: the cells of notebook.ipynb, which `examples/make_notebook.py` runs and saves."""

# %% [markdown]
# # Recommenders in a notebook
#
# The likes are made up, with names: `examples/demo_data.py` makes them. Every like is a row of a table.

# %%
from demo_data import make_named_likes
from sklearn.callback import ProgressBar
from sklearn.pipeline import make_pipeline

from sklearn_recsketch import PopularityRecommender, WARPRecommender, WRMFRecommender
from sklearn_recsketch.inspection import ExplanationDisplay, ItemGallery, explain
from sklearn_recsketch.metrics import ranking_report
from sklearn_recsketch.model_selection import EpochSearchCV, UserHoldoutSplit
from sklearn_recsketch.preprocessing import InteractionThresholder

data = make_named_likes(n_users=800, n_items=300, seed=0)
data.likes.head()

# %% [markdown]
# ## An estimator
#
# Before it is fitted, a recommender shows its parameters. Click on the arrow to open them.

# %%
recommender = WRMFRecommender(32, random_state=0)
recommender  # noqa: B018

# %% [markdown]
# A fitted recommender also shows a summary: what it was fitted to, how long, and the values of automatic parameters.

# %%
train, test = (data.likes.iloc[rows] for rows in next(UserHoldoutSplit(random_state=0).split(data.likes)))
recommender.fit(train, item_features=data.tags)

# %% [markdown]
# ## Recommendations
#
# Tables of recommendations are frames with one row per user and rank.

# %%
user = data.likes["user"].iloc[0]
table = recommender.recommend([user], k=5)
table.assign(title=table["item"].map(data.names)).round(2)

# %% [markdown]
# A gallery shows the same items as pictures. Without pictures, it draws placeholders.

# %%
ItemGallery(table, titles=data.names)

# %% [markdown]
# In a gallery of similar items, the item that was asked for comes first.

# %%
favourite = data.likes["item"].value_counts().index[0]
ItemGallery(recommender.similar_items([favourite], k=5), titles=data.names, heading="Similar to the most liked item")

# %% [markdown]
# Why is the first item recommended? The score is a sum over the user's past likes.

# %%
reasons = explain(recommender, user, table["item"][0])
reasons.assign(name=reasons["name"].map(data.names)).round(3).head(4)

# %%
display = ExplanationDisplay.from_estimator(recommender, user, table["item"][0], titles=data.names)

# %% [markdown]
# ## Evaluation
#
# Metrics on held-out likes, with standard errors. Popularity is the baseline.

# %%
report = ranking_report(recommender, test, ks=[5, 10])
report.round(3)

# %%
ranking_report(PopularityRecommender().fit(train), test, ks=[5]).round(3)

# %% [markdown]
# ## Searches and pipelines
#
# Searches and pipelines are those of scikit-learn, with its diagrams and its progress bars.

# %%
pipeline = make_pipeline(InteractionThresholder(user_min=5), WARPRecommender(16, random_state=0))
search = EpochSearchCV(
    pipeline,
    {"warprecommender__learning_rate": [0.02, 0.05, 0.1]},
    epochs=range(5, 21, 5),
    resource="warprecommender__max_iter",
)
search.set_callbacks(ProgressBar())
search.fit(data.likes)

# %%
search.best_params_, round(float(search.best_score_), 3)
