// Every library that also lives inside Arrow's, used in one process: right answers here, and
// check_bindings.py looks at how the dynamic linker bound this program.
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <arrow/api.h>
#include <arrow/io/memory.h>
#include <arrow/util/secure_string.h>
#include <duckdb.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/writer.h>
#include <parquet/encryption/encryption.h>
#include <re2/re2.h>
#include <simdjson.h>

namespace datalake {
namespace {

std::shared_ptr<arrow::Table> NumberTable() {
  arrow::Int64Builder builder;
  for (int64_t value = 0; value < 1000; ++value) {
    EXPECT_TRUE(builder.Append(value * value).ok());
  }
  return arrow::Table::Make(arrow::schema({arrow::field("number", arrow::int64())}),
                            {builder.Finish().ValueOrDie()});
}

// Done by the OpenSSL inside libparquet.
TEST(LinkageTest, ParquetEncryptionRoundTrips) {
  const arrow::util::SecureString key(std::string("0123456789012345"));
  const auto table = NumberTable();
  auto sink = arrow::io::BufferOutputStream::Create().ValueOrDie();
  const auto properties = parquet::WriterProperties::Builder()
                              .compression(parquet::Compression::ZSTD)
                              ->encryption(parquet::FileEncryptionProperties::Builder(key).build())
                              ->build();
  ASSERT_TRUE(
      parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), sink, 100, properties).ok());
  const auto bytes = sink->Finish().ValueOrDie();
  ASSERT_EQ(std::string_view(*bytes).substr(0, 4), "PARE");

  auto reading = parquet::default_reader_properties();
  reading.file_decryption_properties(
      parquet::FileDecryptionProperties::Builder().footer_key(key)->build());
  auto file =
      parquet::ParquetFileReader::Open(std::make_shared<arrow::io::BufferReader>(bytes), reading);
  auto reader =
      parquet::arrow::FileReader::Make(arrow::default_memory_pool(), std::move(file)).ValueOrDie();
  EXPECT_TRUE(reader->ReadTable().ValueOrDie()->Equals(*table));
}

TEST(LinkageTest, OpenSslHashesAndMakesTlsContext) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  ASSERT_EQ(EVP_Digest("abc", 3, digest.data(), &size, EVP_sha256(), nullptr), 1);
  EXPECT_EQ(size, 32U);
  EXPECT_EQ(digest[0], 0xBA);
  EXPECT_EQ(digest[31], 0xAD);
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_server_method()),
                                                                  &SSL_CTX_free);
  ASSERT_NE(context, nullptr);
  EXPECT_EQ(SSL_CTX_set_ciphersuites(context.get(), "TLS_AES_256_GCM_SHA384"), 1);
}

TEST(LinkageTest, Re2FindsGroups) {
  const RE2 pattern("(\\w+)@(\\w+)\\.org");
  std::string user;
  std::string host;
  ASSERT_TRUE(RE2::PartialMatch("write to ada@example.org now", pattern, &user, &host));
  EXPECT_EQ(user, "ada");
  EXPECT_EQ(host, "example");
  EXPECT_FALSE(RE2::FullMatch("ada@example.com", pattern));
}

TEST(LinkageTest, SimdjsonParses) {
  simdjson::ondemand::parser parser;
  const auto json = simdjson::padded_string(std::string_view(R"({"a": [1, 2, {"b": "c"}]})"));
  simdjson::ondemand::document document;
  ASSERT_EQ(parser.iterate(json).get(document), simdjson::SUCCESS);
  std::string_view value;
  ASSERT_EQ(document.at_pointer("/a/2/b").get_string().get(value), simdjson::SUCCESS);
  EXPECT_EQ(value, "c");
}

TEST(LinkageTest, DuckDbAnswers) {
  duckdb_database database = nullptr;
  duckdb_connection connection = nullptr;
  ASSERT_EQ(duckdb_open(nullptr, &database), DuckDBSuccess);
  ASSERT_EQ(duckdb_connect(database, &connection), DuckDBSuccess);
  duckdb_result result;
  const char* sql =
      "select sum(i)::bigint from range(10) t(i) "
      "where regexp_matches('abc', '^a.c$') and md5('a') like '0cc175%'";
  ASSERT_EQ(duckdb_query(connection, sql, &result), DuckDBSuccess);
  EXPECT_EQ(duckdb_value_int64(&result, 0, 0), 45);
  duckdb_destroy_result(&result);
  duckdb_disconnect(&connection);
  duckdb_close(&database);
}

}  // namespace
}  // namespace datalake
