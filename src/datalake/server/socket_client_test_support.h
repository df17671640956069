#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace datalake::server {

/// A plain TCP client: what a server says to hostile bytes is not for an HTTP library to soften.
class SocketClient {
 public:
  explicit SocketClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const timeval limit{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }

  ~SocketClient() { ::close(socket_); }

  SocketClient(const SocketClient&) = delete;
  SocketClient& operator=(const SocketClient&) = delete;

  void Send(std::string_view bytes) const {
    ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }

  /// Reads until `end` was seen or the peer closed.
  std::string ReadUntil(std::string_view end) const {
    std::string text;
    char piece[4096];
    while (text.find(end) == std::string::npos) {
      const ssize_t got = ::recv(socket_, piece, sizeof(piece), 0);
      if (got <= 0) {
        break;
      }
      text.append(piece, static_cast<std::size_t>(got));
    }
    return text;
  }

  std::string ReadAll() const { return ReadUntil("\x01never\x01"); }

 private:
  int socket_;
};

}  // namespace datalake::server
