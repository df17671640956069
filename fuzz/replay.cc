// A main for fuzz targets without libFuzzer: runs the target over every file of the corpus folder
// and over mutations of them made from a fixed seed, so that every run does the same.
//
//   <target> CORPUS_FOLDER [MUTATIONS_PER_FILE]
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr int kMutations = 2000;

void Run(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

// One small change: a byte flipped, a part removed, doubled, or taken from another input.
std::string Mutate(std::string input, const std::vector<std::string>& all, std::mt19937& random) {
  for (unsigned changes = 1 + random() % 4; changes > 0; --changes) {
    const std::size_t at = input.empty() ? 0 : random() % input.size();
    const std::size_t length = 1 + random() % 8;
    switch (random() % 5) {
      case 0:
        input.insert(at, 1, static_cast<char>(random() % 256));
        break;
      case 1:
        input.erase(at, length);
        break;
      case 2:
        input.insert(at, input.substr(at, length));
        break;
      case 3:
        if (!input.empty()) {
          input[at] =
              static_cast<char>(static_cast<unsigned char>(input[at]) ^ (1U << random() % 8));
        }
        break;
      default: {
        const std::string& other = all[random() % all.size()];
        const std::size_t from = other.empty() ? 0 : random() % other.size();
        input.insert(at, other.substr(from, length * 2));
      }
    }
  }
  return input;
}

std::vector<std::string> ReadCorpus(const char* folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.is_regular_file()) {
      paths.push_back(entry.path());
    }
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> inputs;
  for (const std::filesystem::path& path : paths) {
    std::ifstream file(path, std::ios::binary);
    inputs.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return inputs;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s CORPUS_FOLDER [MUTATIONS_PER_FILE]\n", argv[0]);
    return 2;
  }
  const int mutations = argc > 2 ? std::atoi(argv[2]) : kMutations;
  const std::vector<std::string> inputs = ReadCorpus(argv[1]);
  if (inputs.empty()) {
    std::fprintf(stderr, "empty corpus: %s\n", argv[1]);
    return 1;
  }
  std::mt19937 random(1);
  for (const std::string& input : inputs) {
    Run(input);
    for (int i = 0; i < mutations; ++i) {
      Run(Mutate(input, inputs, random));
    }
  }
  std::printf("%zu inputs, %d mutations of each\n", inputs.size(), mutations);
  return 0;
}
