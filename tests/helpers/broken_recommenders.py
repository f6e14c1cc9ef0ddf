"""Broken recommenders, under the name of the check that must notice each."""

from __future__ import annotations

import broken_fits
import broken_lists

__all__ = ["BROKEN"]

BROKEN = {
    "check_integer_ids": broken_lists.ReturnsRowNumbers,
    "check_string_ids": broken_lists.TruncatesStrings,
    "check_renamed_ids": broken_lists.UsesValuesOfIds,
    "check_unknown_users": broken_lists.KnowsNoNewUsers,
    "check_unknown_items": broken_lists.KnowsNoNewItems,
    "check_default_strengths": broken_fits.NumbersRows,
    "check_repeated_rows": broken_fits.DropsRepeatedRows,
    "check_unit_of_strengths": broken_fits.CapsStrengths,
    "check_zero_strengths": broken_fits.CountsZeros,
    "check_containers_of_strengths": broken_fits.SortsByIndex,
    "check_weight_column": broken_fits.IgnoresWeights,
    "check_invalid_strengths": broken_fits.RepairsStrengths,
    "check_row_order": broken_fits.TrustsLaterRows,
    "check_lists_and_arrays": broken_fits.ExpectsHeader,
    "check_polars_frames": broken_fits.ReturnsPandas,
    "check_arrow_tables": broken_fits.ReadsFirstBatch,
    "check_read_only_arrays": broken_fits.SortsInPlace,
    "check_data_of_caller": broken_fits.AddsColumn,
    "check_table": broken_lists.CountsFromZero,
    "check_order": broken_lists.SortsByItem,
    "check_ties": broken_lists.ReversesTies,
    "check_predictions": broken_lists.ScoresByRank,
    "check_best_items": broken_lists.MissesBest,
    "check_batches": broken_lists.DependsOnBatch,
    "check_score": broken_lists.ScoresHits,
    "check_score_of_unknown_ids": broken_lists.ScoresNothing,
    "check_seen_items": broken_lists.RepeatsSeenItems,
    "check_exclude": broken_lists.IgnoresExclude,
    "check_candidates": broken_lists.IgnoresTables,
    "check_short_lists": broken_lists.FailsOnShortList,
    "check_empty_lists": broken_lists.ReturnsNoColumns,
    "check_history": broken_lists.ForgetsHistory,
    "check_effect_of_history": broken_lists.IgnoresHistory,
    "check_partly_known_history": broken_lists.RefusesHistory,
    "check_parameters": broken_fits.ChangesParameter,
    "check_clone": broken_fits.ClonesItself,
    "check_set_params": broken_fits.CopiesParameter,
    "check_refit": broken_fits.ContinuesFit,
    "check_failed_fit": broken_fits.ForgetsOnError,
    "check_partial_fit": broken_fits.ForgetsEarlierFit,
    "check_pickle": broken_fits.KeepsFunction,
    "check_cross_validation": broken_fits.ReadsRowsByLabel,
}
