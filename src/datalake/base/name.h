#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"

namespace datalake {

/// Checks a name of a provider, dataset, task, variant, feed, collection or version:
/// `[A-Za-z0-9][A-Za-z0-9._-]{0,127}`, so it can be a path component and a Delta partition value.
/// `kind` is the word for the message. Errors: kInvalidArgument.
Status CheckName(std::string_view kind, std::string_view name);

/// The candidate nearest to `wanted` (Levenshtein distance, at most a third of its length, at least
/// 1 allowed), for "did you mean"; nothing when all are far.
std::optional<std::string> NearestName(std::string_view wanted,
                                       std::span<const std::string> candidates);

/// A kNotFound error: "unknown <kind>: <wanted>; did you mean <nearest>?" or, without a near one,
/// "…; known: a, b, c" (at most ten).
Error UnknownNameError(std::string_view kind, std::string_view wanted,
                       std::span<const std::string> candidates);

}  // namespace datalake
