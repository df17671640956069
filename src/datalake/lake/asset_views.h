#pragma once

#include <vector>

#include "datalake/lake/sql.h"
#include "datalake/query/relation.h"

namespace datalake::lake {

/// The rows of all tables that point at assets, with their link columns alone, each a struct
/// {sha256, media_type, bytes, width, height} or a list of such.
struct AssetLinks {
  query::Relation relation;
  /// SQL over the relation: a list of links a row; empty: no table has links.
  std::string links_sql;
};

/// Finds the link columns of the tables: structs, and lists of structs, with a member `sha256`.
AssetLinks FindAssetLinks(const CatalogState& catalog);

/// The view `assets`: one row an asset that current rows point at.
query::View AssetsView(const AssetLinks& links);

}  // namespace datalake::lake
