#pragma once

#include <string_view>

#include "datalake/query/condition.h"

namespace datalake::query {

/// The facts of a syntax tree of ExpressionTree.
ConditionFacts ConditionOfTree(std::string_view tree);

}  // namespace datalake::query
