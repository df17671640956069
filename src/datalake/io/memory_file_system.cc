#include "datalake/io/memory_file_system.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "datalake/base/mutex.h"
#include "datalake/io/path.h"

namespace datalake::io {
namespace {

struct Node;
using NodePtr = std::shared_ptr<Node>;
using Entries = std::map<std::string, NodePtr, std::less<>>;

struct Node {
  bool is_directory = false;
  Timestamp modified;
  // A file: [0, written) was written, behind it are preallocated zeros; [0, synced) is durable.
  std::string bytes;
  std::size_t written = 0;
  std::size_t synced = 0;
  bool open = true;
  // A symbolic link to another name in the same folder; empty: none.
  std::string link_target;
  // A folder: as it is, and as a loss of power would leave it.
  Entries entries;
  Entries durable;
};

NodePtr MakeFolder(Timestamp modified) {
  auto folder = std::make_shared<Node>();
  folder->is_directory = true;
  folder->modified = modified;
  return folder;
}

// A change of one name; a null node means removed.
struct NameChange {
  NodePtr folder;
  std::string name;
  NodePtr node;
};

using Operation = std::vector<NameChange>;  // happens as a whole

void Apply(const NameChange& change, Entries& entries) {
  if (change.node == nullptr) {
    entries.erase(change.name);
  } else {
    entries[change.name] = change.node;
  }
}

Error PathError(ErrorCode code, std::string_view what, std::string_view path) {
  return Error{code, fmt::format("{}: {}", what, path)};
}

}  // namespace

struct MemoryFileSystem::State {
  Mutex mutex;
  NodePtr root DATALAKE_GUARDED_BY(mutex) = MakeFolder({});
  std::vector<Operation> unsynced DATALAKE_GUARDED_BY(mutex);
  std::set<NodePtr> locked DATALAKE_GUARDED_BY(mutex);  // the file, whatever its name becomes
  std::uint64_t generation DATALAKE_GUARDED_BY(mutex) =
      0;  // a crash ends the locks of the last one
  Timestamp now DATALAKE_GUARDED_BY(mutex);

  Timestamp Tick() { return now += std::chrono::microseconds(1); }

  Result<NodePtr> Find(std::string_view path) const {
    NodePtr node = root;
    std::string_view rest = path;
    while (!rest.empty()) {
      const std::string_view name = rest.substr(0, rest.find('/'));
      rest.remove_prefix(std::min(rest.size(), name.size() + 1));
      if (name.empty() || name == ".") {
        continue;
      }
      if (name == "..") {
        return PathError(ErrorCode::kInvalidArgument, "'..' in path", path);
      }
      const auto found = node->entries.find(name);
      if (found == node->entries.end()) {
        return PathError(ErrorCode::kNotFound, "no such file or folder", path);
      }
      NodePtr next = found->second;
      if (!next->link_target.empty()) {
        const auto target = node->entries.find(next->link_target);
        if (target == node->entries.end() || !target->second->link_target.empty()) {
          return PathError(ErrorCode::kNotFound, "broken symbolic link", path);
        }
        next = target->second;
      }
      node = std::move(next);
    }
    return node;
  }

  // As Find, but a symbolic link at the end is not followed.
  Result<NodePtr> FindName(std::string_view path) const {
    DATALAKE_TRY_ASSIGN(const NodePtr folder, FindFolder(ParentPath(path)));
    const auto found = folder->entries.find(BaseName(path));
    if (found == folder->entries.end()) {
      return Find(path);  // "/", "a/." and what is not there
    }
    return found->second;
  }

  Result<NodePtr> FindFolder(std::string_view path) const {
    DATALAKE_TRY_ASSIGN(NodePtr node, Find(path));
    if (!node->is_directory) {
      return PathError(ErrorCode::kIo, "not a folder", path);
    }
    return node;
  }

  Result<NodePtr> FindFile(std::string_view path) const {
    DATALAKE_TRY_ASSIGN(NodePtr node, Find(path));
    if (node->is_directory) {
      return PathError(ErrorCode::kInvalidArgument, "is a folder, not a file", path);
    }
    return node;
  }

  // Puts `node` under a name that must be free.
  Status Add(std::string_view path, NodePtr node) {
    DATALAKE_TRY_ASSIGN(NodePtr folder, FindFolder(ParentPath(path)));
    std::string name(BaseName(path));
    if (name.empty() || folder->entries.contains(name)) {
      return PathError(ErrorCode::kAlreadyExists, "file or folder exists", path);
    }
    Change({{std::move(folder), std::move(name), std::move(node)}});
    return {};
  }

  void Change(Operation operation) {
    for (const NameChange& change : operation) {
      Apply(change, change.folder->entries);
      change.folder->modified = Tick();
    }
    unsynced.push_back(std::move(operation));
  }

  // Makes the changes of `folder` durable, with those before them that they build upon.
  void SyncFolder(const NodePtr& folder) {
    std::set<std::pair<const Node*, std::string>> needed;
    std::vector<bool> chosen(unsynced.size());
    for (std::size_t i = unsynced.size(); i-- > 0;) {
      const Operation& operation = unsynced[i];
      chosen[i] = std::ranges::any_of(operation, [&](const NameChange& change) {
        return change.folder == folder || needed.contains({change.folder.get(), change.name});
      });
      if (chosen[i]) {
        for (const NameChange& change : operation) {
          needed.emplace(change.folder.get(), change.name);
        }
      }
    }
    std::vector<Operation> rest;
    for (std::size_t i = 0; i < unsynced.size(); ++i) {
      if (!chosen[i]) {
        rest.push_back(std::move(unsynced[i]));
        continue;
      }
      for (const NameChange& change : unsynced[i]) {
        Apply(change, change.folder->durable);
      }
    }
    unsynced = std::move(rest);
  }
};

namespace {

using State = MemoryFileSystem::State;

std::uint64_t Draw(Random& random, std::uint64_t bound) {
  std::array<std::byte, 8> bytes;
  random.Fill(bytes);
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data(), sizeof(value));
  return value % bound;
}

// What a loss of power leaves of a file; see DropUnsynced.
void TearFile(Node& node, Random& random) {
  constexpr std::size_t kSectorBytes = 512;
  node.open = false;
  if (node.synced == node.bytes.size()) {
    return;
  }
  const std::size_t written = node.written;
  const std::size_t unsynced = written - std::min(written, node.synced);
  switch (Draw(random, 4)) {
    case 0:
      std::fill(node.bytes.begin() + static_cast<std::ptrdiff_t>(node.synced), node.bytes.end(),
                '\0');
      node.bytes.resize(Draw(random, 2) == 0 ? node.synced : node.bytes.size());
      break;
    case 1:
      break;  // all of it survives
    case 2:
      node.bytes.resize(node.synced + Draw(random, unsynced + 1));
      break;
    default:
      for (std::size_t at = node.synced; at < written;) {
        const std::size_t end = std::min(written, (at / kSectorBytes + 1) * kSectorBytes);
        if (Draw(random, 2) == 0) {
          std::fill(node.bytes.begin() + static_cast<std::ptrdiff_t>(at),
                    node.bytes.begin() + static_cast<std::ptrdiff_t>(end), '\0');
        }
        at = end;
      }
  }
  node.written = node.synced = node.bytes.size();
}

// A copy of a file, or of a folder and all below it; a node that has several names stays one.
NodePtr CopyNode(const NodePtr& node, std::map<NodePtr, NodePtr>& copies) {
  NodePtr& copy = copies[node];
  if (copy != nullptr) {
    return copy;
  }
  copy = std::make_shared<Node>(*node);
  copy->open = false;
  for (Entries* entries : {&copy->entries, &copy->durable}) {
    for (auto& [name, child] : *entries) {
      child = CopyNode(child, copies);
    }
  }
  return copy;
}

class MemoryReader final : public RandomAccessFile {
 public:
  MemoryReader(std::shared_ptr<State> state, NodePtr node, std::uint64_t size)
      : state_(std::move(state)), node_(std::move(node)), size_bytes_(size) {}

  Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::byte> out) const override {
    const MutexLock lock(state_->mutex);
    const std::string& bytes = node_->bytes;
    if (offset >= bytes.size()) {
      return std::size_t{0};
    }
    const std::size_t n = std::min(out.size(), bytes.size() - static_cast<std::size_t>(offset));
    if (n > 0) {
      std::memcpy(out.data(), bytes.data() + offset, n);
    }
    return n;
  }

  std::uint64_t size_bytes() const override { return size_bytes_; }

 private:
  std::shared_ptr<State> state_;
  NodePtr node_;
  std::uint64_t size_bytes_;
};

class MemoryInputStream final : public InputStream {
 public:
  explicit MemoryInputStream(MemoryReader reader) : reader_(std::move(reader)) {}

  Result<std::size_t> Read(std::span<std::byte> out) override {
    DATALAKE_TRY_ASSIGN(const std::size_t n, reader_.ReadAt(position_, out));
    position_ += n;
    return n;
  }

 private:
  MemoryReader reader_;
  std::uint64_t position_ = 0;
};

class MemoryWriter final : public WritableFile {
 public:
  MemoryWriter(std::shared_ptr<State> state, NodePtr node)
      : state_(std::move(state)), node_(std::move(node)) {}

  using WritableFile::Write;

  Status Write(std::span<const std::byte> bytes) override {
    const MutexLock lock(state_->mutex);
    size_bytes_ += bytes.size();
    if (!node_->open || bytes.empty()) {
      return {};
    }
    Node& node = *node_;
    node.bytes.resize(std::max(node.bytes.size(), node.written + bytes.size()));
    std::memcpy(node.bytes.data() + node.written, bytes.data(), bytes.size());
    node.written += bytes.size();
    node.modified = state_->Tick();
    return {};
  }

  Status Preallocate(std::uint64_t bytes) override {
    const MutexLock lock(state_->mutex);
    if (node_->open) {
      node_->bytes.resize(std::max<std::size_t>(node_->bytes.size(), node_->written + bytes));
    }
    return {};
  }

  Status Sync() override {
    const MutexLock lock(state_->mutex);
    if (node_->open) {
      node_->synced = node_->written;
    }
    return {};
  }

  Status Close() override {
    const MutexLock lock(state_->mutex);
    if (node_->open) {
      node_->bytes.resize(node_->written);
    }
    return {};
  }

  std::uint64_t size_bytes() const override { return size_bytes_; }

 private:
  std::shared_ptr<State> state_;
  NodePtr node_;
  std::uint64_t size_bytes_ = 0;
};

class MemoryBulkSync final : public BulkSync {
 public:
  explicit MemoryBulkSync(std::shared_ptr<State> state) : state_(std::move(state)) {}

  Status Sync(std::span<const std::string> files, std::span<const std::string> folders) override {
    const MutexLock lock(state_->mutex);
    for (const std::string& path : files) {
      DATALAKE_TRY_ASSIGN(const NodePtr node, state_->FindFile(path));
      node->synced = node->written;
    }
    for (const std::string& path : folders) {
      DATALAKE_TRY_ASSIGN(const NodePtr node, state_->FindFolder(path));
      state_->SyncFolder(node);
    }
    return {};
  }

 private:
  std::shared_ptr<State> state_;
};

class MemoryLock final : public FileLock {
 public:
  MemoryLock(std::shared_ptr<State> state, NodePtr file, std::uint64_t generation)
      : state_(std::move(state)), file_(std::move(file)), generation_(generation) {}

  ~MemoryLock() override {
    const MutexLock lock(state_->mutex);
    if (state_->generation == generation_) {
      state_->locked.erase(file_);
    }
  }

 private:
  std::shared_ptr<State> state_;
  NodePtr file_;
  std::uint64_t generation_;
};

}  // namespace

MemoryFileSystem::MemoryFileSystem() : state_(std::make_shared<State>()) {}

MemoryFileSystem::~MemoryFileSystem() {
  // Folders and their unsynced changes refer to each other.
  const MutexLock lock(state_->mutex);
  state_->unsynced.clear();
}

Result<std::unique_ptr<RandomAccessFile>> MemoryFileSystem::OpenRandomAccess(
    std::string_view path) {
  const MutexLock lock(state_->mutex);
  DATALAKE_TRY_ASSIGN(NodePtr node, state_->FindFile(path));
  const std::uint64_t size = node->bytes.size();
  return std::make_unique<MemoryReader>(state_, std::move(node), size);
}

Result<std::unique_ptr<InputStream>> MemoryFileSystem::OpenInput(std::string_view path) {
  const MutexLock lock(state_->mutex);
  DATALAKE_TRY_ASSIGN(NodePtr node, state_->FindFile(path));
  return std::make_unique<MemoryInputStream>(MemoryReader(state_, std::move(node), 0));
}

Result<std::unique_ptr<WritableFile>> MemoryFileSystem::Create(std::string_view path) {
  const MutexLock lock(state_->mutex);
  auto node = std::make_shared<Node>();
  node->modified = state_->Tick();
  DATALAKE_TRY(state_->Add(path, node));
  return std::make_unique<MemoryWriter>(state_, std::move(node));
}

Status MemoryFileSystem::Link(std::string_view from, std::string_view to) {
  const MutexLock lock(state_->mutex);
  DATALAKE_TRY_ASSIGN(NodePtr node, state_->FindFile(from));
  return state_->Add(to, std::move(node));
}

Status MemoryFileSystem::MakeSymlink(std::string_view target, std::string_view path) {
  if (target.empty() || target.find('/') != std::string_view::npos || target == "..") {
    return PathError(ErrorCode::kUnsupported, "symbolic link to another folder", target);
  }
  auto node = std::make_shared<Node>();
  node->link_target = target;
  const MutexLock lock(state_->mutex);
  node->modified = state_->Tick();
  return state_->Add(path, std::move(node));
}

Status MemoryFileSystem::Rename(std::string_view from, std::string_view to) {
  const MutexLock lock(state_->mutex);
  DATALAKE_TRY_ASSIGN(NodePtr node, state_->FindName(from));
  DATALAKE_TRY_ASSIGN(NodePtr source, state_->FindFolder(ParentPath(from)));
  DATALAKE_TRY_ASSIGN(NodePtr target, state_->FindFolder(ParentPath(to)));
  const auto found = target->entries.find(BaseName(to));
  if (found != target->entries.end()) {
    const Node& there = *found->second;
    if (found->second == node) {
      return {};
    }
    if (there.is_directory != node->is_directory || !there.entries.empty()) {
      return PathError(ErrorCode::kIo, "cannot replace by rename", to);
    }
  }
  state_->Change({{std::move(source), std::string(BaseName(from)), nullptr},
                  {std::move(target), std::string(BaseName(to)), std::move(node)}});
  return {};
}

Status MemoryFileSystem::Remove(std::string_view path) {
  const MutexLock lock(state_->mutex);
  DATALAKE_TRY_ASSIGN(const NodePtr node, state_->FindName(path));
  if (node->is_directory) {
    return PathError(ErrorCode::kInvalidArgument, "is a folder, not a file", path);
  }
  DATALAKE_TRY_ASSIGN(NodePtr folder, state_->FindFolder(ParentPath(path)));
  state_->Change({{std::move(folder), std::string(BaseName(path)), nullptr}});
  return {};
}

Status MemoryFileSystem::RemoveDirectory(std::string_view path) {
  const MutexLock lock(state_->mutex);
  DATALAKE_TRY_ASSIGN(const NodePtr node, state_->FindFolder(path));
  if (!node->entries.empty() || node == state_->root) {
    return PathError(ErrorCode::kIo, "folder is not empty", path);
  }
  DATALAKE_TRY_ASSIGN(NodePtr folder, state_->FindFolder(ParentPath(path)));
  state_->Change({{std::move(folder), std::string(BaseName(path)), nullptr}});
  return {};
}

Status MemoryFileSystem::MakeDirectory(std::string_view path) {
  const MutexLock lock(state_->mutex);
  return state_->Add(path, MakeFolder(state_->Tick()));
}

Result<std::vector<DirectoryEntry>> MemoryFileSystem::List(std::string_view path) {
  const MutexLock lock(state_->mutex);
  DATALAKE_TRY_ASSIGN(const NodePtr folder, state_->FindFolder(path));
  std::vector<DirectoryEntry> entries;
  for (const auto& [name, node] : folder->entries) {
    entries.push_back({.name = name,
                       .is_directory = node->is_directory,
                       .is_symlink = !node->link_target.empty()});
  }
  return entries;
}

Result<FileInfo> MemoryFileSystem::Stat(std::string_view path) {
  const MutexLock lock(state_->mutex);
  DATALAKE_TRY_ASSIGN(const NodePtr node, state_->Find(path));
  return FileInfo{.size_bytes = node->bytes.size(),
                  .modified = node->modified,
                  .is_directory = node->is_directory};
}

Status MemoryFileSystem::SyncDirectory(std::string_view path) {
  const MutexLock lock(state_->mutex);
  DATALAKE_TRY_ASSIGN(const NodePtr folder, state_->FindFolder(path));
  state_->SyncFolder(folder);
  return {};
}

Result<std::unique_ptr<BulkSync>> MemoryFileSystem::OpenBulkSync(std::string_view folder) {
  const MutexLock lock(state_->mutex);
  DATALAKE_TRY(state_->FindFolder(folder));
  return std::make_unique<MemoryBulkSync>(state_);
}

Result<std::unique_ptr<FileLock>> MemoryFileSystem::Lock(std::string_view path) {
  const MutexLock lock(state_->mutex);
  auto node = state_->FindFile(path);
  if (!node && node.error().code != ErrorCode::kNotFound) {
    return node.error();
  }
  if (!node) {
    node = std::make_shared<Node>();
    DATALAKE_TRY(state_->Add(path, *node));
  }
  if (!state_->locked.insert(*node).second) {
    return PathError(ErrorCode::kUnavailable, "held by this process", path);
  }
  return std::make_unique<MemoryLock>(state_, *node, state_->generation);
}

Result<std::uint64_t> MemoryFileSystem::FreeBytes(std::string_view path) {
  const MutexLock lock(state_->mutex);
  DATALAKE_TRY(state_->Find(path));
  return std::uint64_t{1} << 40;
}

void MemoryFileSystem::DropUnsynced(Random& random) {
  const MutexLock lock(state_->mutex);
  for (const Operation& operation : std::exchange(state_->unsynced, {})) {
    if (Draw(random, 2) == 0) {
      continue;
    }
    for (const NameChange& change : operation) {
      Apply(change, change.folder->durable);
    }
  }
  std::set<NodePtr> seen;
  std::vector<NodePtr> todo{state_->root};
  while (!todo.empty()) {
    const NodePtr node = std::move(todo.back());
    todo.pop_back();
    if (!seen.insert(node).second) {
      continue;
    }
    if (node->is_directory) {
      node->entries = node->durable;
      for (const auto& [name, child] : node->entries) {
        todo.push_back(child);
      }
    } else {
      TearFile(*node, random);
    }
  }
  state_->locked.clear();
  ++state_->generation;
}

void MemoryFileSystem::CopyFrom(const MemoryFileSystem& other) {
  NodePtr root;
  std::vector<Operation> unsynced;
  Timestamp now;
  {
    const MutexLock lock(other.state_->mutex);
    std::map<NodePtr, NodePtr> copies;
    root = CopyNode(other.state_->root, copies);
    unsynced = other.state_->unsynced;
    for (Operation& operation : unsynced) {
      for (NameChange& change : operation) {
        change.folder = CopyNode(change.folder, copies);
        change.node = change.node == nullptr ? nullptr : CopyNode(change.node, copies);
      }
    }
    now = other.state_->now;
  }
  const MutexLock lock(state_->mutex);
  state_->root = std::move(root);
  state_->unsynced = std::move(unsynced);
  state_->now = now;
  state_->locked.clear();
  ++state_->generation;
}

}  // namespace datalake::io
