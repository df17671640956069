#include <boost/asio/ssl/context.hpp>
#include <fmt/format.h>

#include "datalake/server/http_shard_internal.h"

namespace datalake::server {

namespace ssl = boost::asio::ssl;

Result<std::shared_ptr<ssl::context>> LoadTls(const TlsFiles& files) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  boost::system::error_code code;
  context->set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 |
                           ssl::context::no_sslv3 | ssl::context::no_tlsv1 |
                           ssl::context::no_tlsv1_1 | ssl::context::no_compression,
                       code);
  SSL_CTX* native = context->native_handle();
  // No key of an idle connection stays in buffers, and a client cannot make us renegotiate.
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION);
  if (SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_cipher_list(native, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1) {
    return Error{ErrorCode::kInternal, "cannot set up TLS 1.2 and newer"};
  }
  context->use_certificate_chain_file(files.certificate_chain, code);
  if (code) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("cannot use TLS certificate: {}: {}",
                                                          files.certificate_chain, code.message())};
  }
  context->use_private_key_file(files.private_key, ssl::context::pem, code);
  if (code) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("cannot use TLS private key: {}: {}",
                                                          files.private_key, code.message())};
  }
  return context;
}

}  // namespace datalake::server
