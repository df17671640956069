#include "datalake/curate/mix_row.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "datalake/io/path.h"
#include "datalake/json/writer.h"
#include "datalake/text/trim.h"

namespace datalake::curate {
namespace {

constexpr std::uint32_t kTimedRows = 16;  // of so many one is timed
constexpr std::string_view kAttributes = "attributes";
constexpr std::string_view kMetadata = "metadata";
constexpr std::string_view kProvenance = "provenance";

Error Invalid(std::string message) {
  return Error{ErrorCode::kInvalidArgument, std::move(message)};
}

std::string_view TrimBlanks(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) {
    return {};
  }
  return text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin);
}

// The members between the braces of an object's text.
std::string_view Inside(std::string_view object) {
  return TrimBlanks(object.substr(1, object.size() - 2));
}

void AppendMember(std::string_view raw_key, std::string_view raw, std::string& out) {
  out.push_back('"');
  out.append(raw_key);
  out.append("\":");
  out.append(raw);
}

}  // namespace

void RowMixer::StopBy(const std::stop_token& stop) {
  scratch_.jq.StopBy(stop);
  spans_.StopBy(stop);
}

Status RowMixer::Mix(const MixRow& row, std::string& out, MixCounts& counts) {
  if (untimed_-- == 0) {
    untimed_ = kTimedRows - 1;
    watch_.emplace();
  }
  Status status = MixTimed(row, out, counts);
  watch_.reset();
  return status;
}

void RowMixer::Lap(MixStep step) {
  if (watch_.has_value()) {
    watch_->Lap(times_[step], kTimedRows);
  }
}

Status RowMixer::MixTimed(const MixRow& row, std::string& out, MixCounts& counts) {
  ++counts.documents;
  const std::size_t size = out.size();
  const MixCounts before = counts;
  Status status = ReadRow(row);
  if (status) {
    status = ReadAttributes(row);
    if (!status) {
      return status;  // names its own file
    }
    Lap(MixStep::kParse);
    status = Keep(row, out, counts);
  }
  if (!status) {
    out.resize(size);
    counts = before;
    status.error().message += fmt::format(": {}:{}", row.path, row.line);
  }
  return status;
}

Status RowMixer::Keep(const MixRow& row, std::string& out, MixCounts& counts) {
  DATALAKE_TRY_ASSIGN(const bool is_kept, IsKept());
  Lap(MixStep::kFilter);
  if (!is_kept) {
    ++counts.filtered;
    return {};
  }
  DATALAKE_TRY(Replace(counts));
  if (const std::uint64_t min = program_.stream().min_text_length; min > 0) {
    DATALAKE_TRY_ASSIGN(const std::string_view text, Text());
    if (text::Trim(has_new_text_ ? std::string_view(new_text_) : text).size() < min) {
      ++counts.too_short;
      return {};
    }
  }
  Lap(MixStep::kReplace);
  DATALAKE_TRY(WriteRow(row, out));
  Lap(MixStep::kRender);
  ++counts.written;
  return {};
}

Status RowMixer::Replace(MixCounts& counts) {
  DATALAKE_TRY(spans_.Collect(tree_.root(), scratch_));
  const std::string_view raw_text = RawOf("text");
  if (raw_text.empty() || raw_text.front() != '"') {
    return Invalid("document has no string `text`");
  }
  std::vector<Replacement>& replacements = spans_.found();
  has_new_text_ = !replacements.empty();
  if (has_new_text_) {
    DATALAKE_TRY_ASSIGN(const std::string_view text, Text());
    new_text_.clear();
    if (program_.is_compat()) {
      ReplaceSpansAsToolkit(text, replacements, new_text_);
    } else {
      ReplaceSpans(text, replacements, new_text_);
    }
    ++counts.replaced;
    counts.spans += replacements.size();
  }
  return {};
}

// Begins the row's tree with the document.
Status RowMixer::ReadRow(const MixRow& row) {
  tree_.Clear();
  fields_.clear();
  root_ = tree_.Open(json::NodeType::kObject, {});
  return parser_.AppendFields(row.document, tree_, program_.wanted_keys(), fields_);
}

// Ends the row's tree with the merged attributes.
Status RowMixer::ReadAttributes(const MixRow& row) {
  attributes_ = 0;
  attributes_raw_ = {};
  attribute_sources_ = 0;
  const std::string_view inline_raw = RawOf(kAttributes);
  const bool has_inline = !inline_raw.empty() && inline_raw.front() == '{';
  if (has_inline || row.has_attribute_files) {
    attributes_ = tree_.Open(json::NodeType::kObject, kAttributes);
    if (has_inline) {
      DATALAKE_TRY(parser_.AppendMembers(inline_raw, tree_));
      attributes_raw_ = inline_raw;
      attribute_sources_ = 1;
    }
    for (const MixRow::Attributes& attributes : row.attributes) {
      if (Status status = ReadAttributeRow(attributes.text); !status) {
        status.error().message += fmt::format(": {}:{}", attributes.path, row.line);
        return status;
      }
    }
    tree_.Close(attributes_);
    if (attribute_sources_ > 1) {
      tree_.EraseRepeated(attributes_);
    }
  }
  tree_.Close(root_);
  if (program_.wanted_keys() == nullptr) {
    tree_.EraseRepeated(root_);  // the document's own attributes are in the tree as well
  }
  return {};
}

Status RowMixer::ReadAttributeRow(std::string_view text) {
  attribute_fields_.clear();
  DATALAKE_TRY(parser_.AppendMembersOf(text, kAttributes, tree_, attribute_fields_));
  std::string_view id;
  std::string_view raw;
  for (const json::RawField& field : attribute_fields_) {
    if (field.key == "id") {
      id = field.raw;
    } else if (field.key == kAttributes) {
      raw = field.raw;
    }
  }
  if (id == "null" && (raw.empty() || Inside(raw).empty()) && RawOf("id") != id) {
    return Invalid("the document was rejected when it was tagged");
  }
  DATALAKE_TRY(CheckId(id));
  if (raw.empty()) {
    return Error{ErrorCode::kInvalidArgument, "no `attributes` in the attribute row"};
  }
  // An empty object adds nothing, so another source stays the only one.
  if (attribute_sources_ == 0 || !Inside(raw).empty()) {
    const bool replaces = attribute_sources_ == 1 && Inside(attributes_raw_).empty();
    attributes_raw_ = raw;
    attribute_sources_ = replaces ? 1 : attribute_sources_ + 1;
  }
  return {};
}

Status RowMixer::CheckId(std::string_view attribute_id) {
  const std::string_view id = RawOf("id");
  if (id == attribute_id) {
    return {};
  }
  if (!id.empty() && !attribute_id.empty() && id.front() == '"' && attribute_id.front() == '"') {
    DATALAKE_TRY_ASSIGN(const std::string_view left, parser_.Unescape(id, tree_));
    DATALAKE_TRY_ASSIGN(const std::string_view right, parser_.Unescape(attribute_id, tree_));
    if (left == right) {
      return {};
    }
  }
  return Error{ErrorCode::kCorruption,
               fmt::format("ids differ: document {}, attributes {}", id.empty() ? "none" : id,
                           attribute_id.empty() ? "none" : attribute_id)};
}

Result<bool> RowMixer::IsKept() {
  bool is_included = program_.include().empty();
  for (auto one = program_.include().begin(); !is_included && one != program_.include().end();
       ++one) {
    DATALAKE_TRY_ASSIGN(is_included, one->Includes(tree_.root(), scratch_));
  }
  if (!is_included) {
    return false;
  }
  for (const Selector& one : program_.exclude()) {
    DATALAKE_TRY_ASSIGN(const bool is_excluded, one.Excludes(tree_.root(), scratch_));
    if (is_excluded) {
      return false;
    }
  }
  return true;
}

Result<std::string_view> RowMixer::Text() {
  return parser_.Unescape(RawOf("text"), tree_);
}

Status RowMixer::WriteRow(const MixRow& row, std::string& out) {
  const std::size_t begin = out.size();
  std::string& line = program_.is_compat() ? row_text_ : out;
  if (program_.is_compat()) {
    row_text_.clear();
  }
  line.push_back('{');
  auto separate = [&, first = true]() mutable {
    if (!std::exchange(first, false)) {
      line.push_back(',');
    }
  };
  bool has_attributes = attributes_ == 0 || IsDiscarded(kAttributes);
  bool has_metadata = false;
  for (const json::RawField& field : fields_) {
    if (field.raw.data() != RawOf(field.key).data()) {
      continue;  // of a repeated key the last value counts
    }
    if (field.key == kMetadata) {
      separate();
      WriteMetadata(IsDiscarded(kMetadata) ? std::string_view() : field.raw, row, line);
      has_metadata = true;
    } else if (IsDiscarded(field.key)) {
      continue;
    } else if (field.key == kAttributes && !has_attributes) {
      separate();
      WriteAttributes(line);
      has_attributes = true;
    } else if (field.key == "text" && has_new_text_) {
      separate();
      line.append("\"text\":");
      json::AppendString(line, new_text_);
    } else {
      separate();
      AppendMember(field.raw_key, field.raw, line);
    }
  }
  if (!has_attributes) {
    separate();
    WriteAttributes(line);
  }
  if (!has_metadata) {
    separate();
    WriteMetadata({}, row, line);
  }
  line.push_back('}');
  if (program_.is_compat()) {
    // Read again and sorted, as the toolkit's maps are.
    const std::size_t size = row_text_.size();
    row_text_.resize(size + json::FlatTreeParser::kPadding);
    tree_.Clear();
    DATALAKE_TRY(parser_.Append(std::string_view(row_text_).substr(0, size), {}, tree_));
    out.resize(begin);
    json::AppendSorted(tree_.root(), out);
  }
  out.push_back('\n');
  return {};
}

void RowMixer::WriteMetadata(std::string_view raw, const MixRow& row, std::string& out) {
  out.append("\"metadata\":{");
  bool needs_comma = false;
  if (!raw.empty() && raw.front() == '{' && !Inside(raw).empty()) {
    if (raw.find(kProvenance) == std::string_view::npos &&
        raw.find('\\') == std::string_view::npos) {
      out.append(Inside(raw));
      needs_comma = true;
    } else {
      attribute_fields_.clear();
      // The raw text was checked when the document was read.
      static const std::vector<std::string> kNothing;
      static_cast<void>(parser_.AppendFields(raw, tree_, &kNothing, attribute_fields_));
      for (const json::RawField& field : attribute_fields_) {
        if (field.key != kProvenance) {
          out.append(std::exchange(needs_comma, true) ? "," : "");
          AppendMember(field.raw_key, field.raw, out);
        }
      }
    }
  }
  out.append(needs_comma ? ",\"provenance\":" : "\"provenance\":");
  json::AppendString(out, fmt::format("{}:{}", io::BaseName(row.path), row.line));
  out.push_back('}');
}

void RowMixer::WriteAttributes(std::string& out) const {
  out.append("\"attributes\":");
  if (attribute_sources_ <= 1) {
    out.append(attribute_sources_ == 0 ? std::string_view("{}") : attributes_raw_);
    return;
  }
  const json::FlatNode& merged = tree_.node(attributes_);
  out.push_back('{');
  bool needs_comma = false;
  const json::FlatNode* child = &merged + 1;
  for (std::uint32_t i = 0; i < merged.size; ++i, child += child->span) {
    if (!child->is_erased) {
      out.append(std::exchange(needs_comma, true) ? "," : "");
      json::AppendString(out, child->key);
      out.push_back(':');
      out.append(child->raw);
    }
  }
  out.push_back('}');
}

std::string_view RowMixer::RawOf(std::string_view key) const {
  for (auto field = fields_.rbegin(); field != fields_.rend(); ++field) {
    if (field->key == key) {
      return field->raw;
    }
  }
  return {};
}

bool RowMixer::IsDiscarded(std::string_view key) const {
  const std::vector<std::string>& discarded = program_.stream().discard_fields;
  return std::find(discarded.begin(), discarded.end(), key) != discarded.end();
}

}  // namespace datalake::curate
