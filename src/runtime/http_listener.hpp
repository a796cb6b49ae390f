// Listening sockets of the HTTP server. Private to the room.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

#include "base/result.hpp"
#include "runtime/fd.hpp"
#include "runtime/files.hpp"
#include "runtime/http.hpp"

namespace pgkeel::runtime::detail {

/// A listening socket; a Unix one takes its name out of the file system when it is destroyed,
/// unless another process has replaced it.
class HttpListener {
 public:
  static Result<HttpListener> on_tcp(std::string_view host, std::uint16_t port);
  static Result<HttpListener> on_unix(const std::filesystem::path& path, unsigned mode);

  HttpListener(HttpListener&&) = default;
  HttpListener& operator=(HttpListener&&) = delete;
  ~HttpListener();

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] HttpRequest::Via via() const { return via_; }
  /// The TCP port the kernel gave; 0 for a Unix socket.
  [[nodiscard]] std::uint16_t port() const;

 private:
  HttpListener(Fd fd, HttpRequest::Via via) : fd_(std::move(fd)), via_(via) {}

  Fd fd_;
  HttpRequest::Via via_;
  std::filesystem::path path_;
  std::optional<InodeId> inode_;
};

}  // namespace pgkeel::runtime::detail
