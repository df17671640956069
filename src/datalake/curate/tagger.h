#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "datalake/base/result.h"
#include "datalake/curate/compatibility.h"
#include "datalake/curate/document_view.h"

namespace datalake::io {
class FileSystem;
}  // namespace datalake::io

namespace datalake::curate {

/// A value for a part of a document: code points [start, end) of its text.
struct Span {
  std::uint32_t type = 0;  ///< index in Tagger::types(), then in TaggerState::learned_types()
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  double score = 0;  ///< rounded to 5 decimals when written
};

/// What one thread keeps for a tagger between documents: buffers, never results.
class TaggerState {
 public:
  virtual ~TaggerState() = default;

  /// Names of span types that only the data tells (a licence, a language): Span::type
  /// types().size() + i means number i. Those of the last document; the next Tag may change them.
  virtual std::span<const std::string> learned_types() const { return {}; }
};

/// Computes attributes of documents. Immutable and thread-safe once made; what it needs to scribble
/// on is in its state. Every document gives the same spans whatever came before it.
class Tagger {
 public:
  virtual ~Tagger() = default;

  /// Span types it can emit, in the order of its results, without learned ones; fixed for its life.
  virtual std::span<const std::string_view> types() const = 0;

  /// Whether its states may name types beyond those.
  virtual bool has_learned_types() const { return false; }

  /// State for one thread; null when it needs none.
  virtual std::unique_ptr<TaggerState> MakeState() const { return nullptr; }

  /// Appends the spans of `document`. `state` comes from MakeState of this tagger. A document that
  /// cannot be tagged is rejected (DocumentView::Reject).
  virtual void Tag(DocumentView& document, TaggerState* state, std::vector<Span>& out) const = 0;
};

/// What the factory of a tagger may use.
struct TaggerSettings {
  Compatibility compatibility = Compatibility::kNone;
  io::FileSystem* fs = nullptr;  ///< where `lists` are; null: nowhere
  /// Files of taggers that need one (URL and domain lists), by the tagger's name.
  std::map<std::string, std::string, std::less<>> lists = {};
};

/// Taggers by name. Filled once, then only read: thread-compatible.
class TaggerRegistry {
 public:
  using Factory =
      std::function<Result<std::unique_ptr<const Tagger>>(const TaggerSettings& settings)>;

  /// `summary` is one line for people: what it emits, of what. Errors: kAlreadyExists.
  Status Add(std::string_view name, std::string_view summary, Factory factory);

  /// Errors: kNotFound naming the nearest one; those of the factory.
  Result<std::unique_ptr<const Tagger>> Make(std::string_view name,
                                             const TaggerSettings& settings) const;

  /// Sorted.
  std::vector<std::string> Names() const;

  /// Errors: kNotFound naming the nearest one.
  Result<std::string_view> Summary(std::string_view name) const;

 private:
  struct Entry {
    std::string summary;
    Factory factory;
  };

  Result<const Entry*> Find(std::string_view name) const;

  std::map<std::string, Entry, std::less<>> entries_;
};

/// Adds every tagger of taggers/. Errors: kAlreadyExists.
Status AddBuiltinTaggers(TaggerRegistry& registry);

}  // namespace datalake::curate
