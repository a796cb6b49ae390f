// A server of somebody else's on 127.0.0.1, as alert channels see it: takes Alertmanager's webhook
// and Telegram's Bot API over real sockets, answers as a test tells it to, remembers what it took.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "runtime/http.hpp"

namespace pgkeel::test {

class Receiver {
 public:
  explicit Receiver(runtime::Loop& loop) : loop_(loop) {}

  /// Listens; port 0 takes a free one, later calls come back on the same.
  void open(std::uint16_t port = 0);
  void close() { server_.reset(); }
  [[nodiscard]] std::string url(const std::string& path = "/hook") const;
  [[nodiscard]] std::uint16_t port() const { return port_; }

  /// Answers given before it begins to take everything.
  std::deque<runtime::HttpResponse> trouble;
  /// Every request, and those that were answered with 200.
  std::vector<runtime::HttpRequest> asked;
  std::vector<runtime::HttpRequest> taken;
  [[nodiscard]] std::vector<std::string> statuses() const;  ///< of webhooks taken
  [[nodiscard]] std::vector<std::string> texts() const;     ///< of Telegram messages taken

 private:
  runtime::Task<runtime::HttpResponse> answer(runtime::HttpRequest request);

  runtime::Loop& loop_;
  std::uint16_t port_ = 0;
  std::unique_ptr<runtime::HttpServer> server_;
};

[[nodiscard]] runtime::HttpResponse http_status(int status, std::string body = "");

}  // namespace pgkeel::test
