// A mail server of somebody else's on 127.0.0.1: takes messages over a real socket as RFC 5321 has
// it, one connection after the other on a thread of its own, refuses what a test tells it to, and
// remembers what it took. It speaks no TLS.
#pragma once

#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace pgkeel::test {

struct TakenMail {
  std::string from;  ///< as in MAIL FROM
  std::vector<std::string> to;
  std::string text;  ///< header and body, dots unstuffed
};

class MailServer {
 public:
  MailServer();
  ~MailServer();
  MailServer(const MailServer&) = delete;
  MailServer& operator=(const MailServer&) = delete;

  [[nodiscard]] std::string url() const;
  /// Answers to the next RCPTs, before it begins to take everything: "550 no such user".
  void refuse(std::string answer);
  [[nodiscard]] std::vector<TakenMail> taken() const;

 private:
  void serve();
  void talk(int connection);
  [[nodiscard]] std::string answer_to_recipient();

  int listener_ = -1;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::deque<std::string> refusals_;
  std::vector<TakenMail> taken_;
  std::thread thread_;
};

}  // namespace pgkeel::test
