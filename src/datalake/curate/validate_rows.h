#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/curate/attribute_reader.h"
#include "datalake/curate/validate_findings.h"
#include "datalake/format/document_reader.h"
#include "datalake/json/document.h"
#include "datalake/json/flat_tree.h"

namespace datalake::curate {

/// What attributes must agree with. A line that is no document has no id.
struct ValidatedRow {
  std::string id;
  std::string source;
  std::uint64_t size_bytes = 0;  ///< of the text: no span ends behind it
  bool has_id = false;
};

/// Checks rows. Single-threaded: one a thread.
class RowValidator {
 public:
  /// Decodes `batch`, checks the first `num_rows` of its rows, and puts one ValidatedRow for each
  /// into `rows`. Errors: those of `reader`.
  Status CheckDocuments(const format::DocumentReader& reader, std::uint64_t num_rows,
                        format::DocumentBatch& batch, FileFindings& findings,
                        std::vector<ValidatedRow>& rows);

  /// Decodes `batch` and checks its rows, which belong to those of `documents`. Errors: those of
  /// `reader`.
  Status CheckAttributes(const AttributeReader& reader, const std::vector<ValidatedRow>& documents,
                         AttributeBatch& batch, FileFindings& findings);

 private:
  void CheckReject(const format::RejectedLine& reject, std::uint64_t line, FileFindings& findings);
  void CheckDocument(const format::Document& document, std::uint64_t line, FileFindings& findings,
                     ValidatedRow& row);
  void CheckFields(const format::Document& document, std::uint64_t line, FileFindings& findings);
  void CheckAttributeRow(std::string_view text, std::uint64_t line, const ValidatedRow& document,
                         FileFindings& findings);
  void CheckSpans(const json::FlatNode& attributes, std::uint64_t line,
                  const ValidatedRow& document, FileFindings& findings);

  json::DocumentParser parser_{json::FieldTypes::kLoose};
  json::FlatTreeParser tree_parser_;
  json::FlatTree tree_;
  std::vector<json::RawField> fields_;
};

/// True for a date, or a date and time, in a form of ISO 8601 that programs write: 2023-03-28,
/// 2023-03-28T22:42, 2023-03-28 22:42:45.903+00:00, 2023-03-28T22:42:45Z. The day must exist.
bool IsTimestamp(std::string_view text);

}  // namespace datalake::curate
