// See mail_server.hpp.
#include "integration/notify/mail_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <optional>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace pgkeel::test {
namespace {

constexpr int kSilenceSeconds = 10;  // of a client, then its connection ends

// Lines of one connection.
class Talk {
 public:
  explicit Talk(int connection) : connection_(connection) {
    const timeval patience{kSilenceSeconds, 0};
    ::setsockopt(connection_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }

  void say(const std::string& line) const {
    const auto text = line + "\r\n";
    static_cast<void>(::send(connection_, text.data(), text.size(), MSG_NOSIGNAL));
  }
  // Without its end; nothing when the client is gone.
  std::optional<std::string> hear() {
    while (true) {
      if (const auto end = heard_.find("\r\n"); end != std::string::npos) {
        auto line = heard_.substr(0, end);
        heard_.erase(0, end + 2);
        return line;
      }
      std::array<char, 4096> bytes{};
      const auto count = ::recv(connection_, bytes.data(), bytes.size(), 0);
      if (count <= 0) return std::nullopt;
      heard_.append(bytes.data(), static_cast<std::size_t>(count));
    }
  }
  // Up to the dot that ends a message.
  std::optional<std::string> hear_message() {
    std::string text;
    while (true) {
      const auto line = hear();
      if (!line) return std::nullopt;
      if (*line == ".") return text;
      text += (line->starts_with('.') ? line->substr(1) : *line) + "\r\n";
    }
  }

 private:
  int connection_;
  std::string heard_;
};

std::string address_in(const std::string& line) {
  const auto begin = line.find('<');
  const auto end = line.find('>');
  return begin == std::string::npos || end == std::string::npos
             ? line
             : line.substr(begin + 1, end - begin - 1);
}

}  // namespace

MailServer::MailServer() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(::bind(listener_, generic, length), 0);
  EXPECT_EQ(::listen(listener_, 8), 0);
  EXPECT_EQ(::getsockname(listener_, generic, &length), 0);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

MailServer::~MailServer() {
  ::shutdown(listener_, SHUT_RDWR);  // ends accept()
  thread_.join();
  ::close(listener_);
}

std::string MailServer::url() const { return fmt::format("smtp://127.0.0.1:{}", port_); }

void MailServer::refuse(std::string answer) {
  const std::scoped_lock lock(mutex_);
  refusals_.push_back(std::move(answer));
}

std::vector<TakenMail> MailServer::taken() const {
  const std::scoped_lock lock(mutex_);
  return taken_;
}

std::string MailServer::answer_to_recipient() {
  const std::scoped_lock lock(mutex_);
  if (refusals_.empty()) return "250 ok";
  auto answer = std::move(refusals_.front());
  refusals_.pop_front();
  return answer;
}

void MailServer::serve() {
  while (true) {
    const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) return;
    talk(connection);
    ::close(connection);
  }
}

void MailServer::talk(int connection) {
  Talk client(connection);
  TakenMail mail;
  client.say("220 mail.test ESMTP");
  while (const auto line = client.hear()) {
    if (line->starts_with("EHLO")) {
      client.say("250-mail.test");
      client.say("250 8BITMIME");
    } else if (line->starts_with("MAIL FROM:")) {
      mail = {address_in(*line), {}, {}};
      client.say("250 ok");
    } else if (line->starts_with("RCPT TO:")) {
      mail.to.push_back(address_in(*line));
      client.say(answer_to_recipient());
    } else if (*line == "DATA") {
      client.say("354 go on");
      auto text = client.hear_message();
      if (!text) return;
      mail.text = std::move(*text);
      const std::scoped_lock lock(mutex_);
      taken_.push_back(mail);
      client.say("250 taken");
    } else if (*line == "QUIT") {
      client.say("221 bye");
      return;
    } else {
      client.say("502 not here");
    }
  }
}

}  // namespace pgkeel::test
