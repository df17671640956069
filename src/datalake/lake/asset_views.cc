#include "datalake/lake/asset_views.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include <arrow/type.h>
#include <fmt/format.h>

#include "datalake/query/sql_text.h"
#include "datalake/table/snapshot.h"

namespace datalake::lake {
namespace {

std::shared_ptr<arrow::DataType> LinkType() {
  return arrow::struct_(
      {arrow::field("sha256", arrow::utf8()), arrow::field("media_type", arrow::utf8()),
       arrow::field("bytes", arrow::int64()), arrow::field("width", arrow::int32()),
       arrow::field("height", arrow::int32())});
}

bool IsLink(const arrow::DataType& type) {
  if (type.id() != arrow::Type::STRUCT) {
    return false;
  }
  const auto& fields = static_cast<const arrow::StructType&>(type);
  const auto hash = fields.GetFieldByName("sha256");
  return hash != nullptr && hash->type()->id() == arrow::Type::STRING &&
         fields.GetFieldByName("media_type") != nullptr;
}

bool IsLinkList(const arrow::DataType& type) {
  return type.id() == arrow::Type::LIST && IsLink(*type.field(0)->type());
}

}  // namespace

AssetLinks FindAssetLinks(const CatalogState& catalog) {
  AssetLinks links;
  std::set<std::string> seen;
  for (std::size_t i = 0; i < catalog.names.size(); ++i) {
    query::FileGroup group = SnapshotFiles(catalog.names[i], *catalog.snapshots[i], {});
    arrow::FieldVector fields;
    bool has_links = false;
    for (const auto& field : group.schema->fields()) {
      const bool is_list = IsLinkList(*field->type());
      if (std::find(group.partition_columns.begin(), group.partition_columns.end(),
                    field->name()) != group.partition_columns.end()) {
        fields.push_back(field);
      } else if (is_list || IsLink(*field->type())) {
        // A column may be a link in one table and a list in another: apart under two names is not
        // possible in one scan, so the first form seen counts for the name.
        const std::string key = query::FoldName(field->name());
        has_links = true;
        fields.push_back(field->WithType(is_list ? arrow::list(LinkType()) : LinkType()));
        if (seen.insert(key).second) {
          const std::string name = query::QuoteIdentifier(field->name());
          links.links_sql +=
              (links.links_sql.empty() ? "" : ", ") +
              (is_list ? fmt::format("coalesce({}, [])", name) : fmt::format("[{}]", name));
        }
      }
    }
    if (has_links) {
      group.schema = arrow::schema(std::move(fields));
      links.relation.files.push_back(std::move(group));
    }
  }
  if (!links.links_sql.empty()) {
    links.links_sql = "flatten([" + links.links_sql + "])";
  }
  return links;
}

query::View AssetsView(const AssetLinks& links) {
  query::View view;
  if (links.links_sql.empty()) {
    view.select =
        "SELECT CAST(NULL AS VARCHAR) AS sha256, CAST(NULL AS VARCHAR) AS media_type, CAST(NULL AS "
        "BIGINT) AS bytes, CAST(NULL AS INTEGER) AS width, CAST(NULL AS INTEGER) AS height, "
        "CAST(NULL AS BIGINT) AS \"references\" WHERE false";
    return view;
  }
  view.inputs.push_back({"rows", links.relation});
  view.select = fmt::format(
      "SELECT link.sha256 AS sha256, any_value(link.media_type) AS media_type, "
      "any_value(link.bytes) AS bytes, any_value(link.width) AS width, any_value(link.height) AS "
      "height, count(*) AS \"references\" FROM (SELECT unnest({}) AS link FROM \"rows\") WHERE "
      "link.sha256 IS NOT NULL GROUP BY link.sha256",
      links.links_sql);
  return view;
}

}  // namespace datalake::lake
