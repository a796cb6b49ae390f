// Mail, read and written without trust: addresses that cannot carry a second header line, and a
// mail server's answers. RFC 5321, RFC 5322.
#pragma once

#include <string>
#include <string_view>

#include "notify/delivery.hpp"
#include "notify/notice.hpp"

namespace pgkeel::notify {

/// "ann@example.org": one @, printable ASCII without spaces, quotes, angles or commas.
[[nodiscard]] bool is_mail_address(std::string_view text);

/// The whole message, header and body; lines end CRLF. The messages of one incident are a thread.
[[nodiscard]] std::string mail_message(const Notice& notice, const Origin& origin,
                                       std::string_view from, std::string_view to, WallTime now);

/// 550 to 554 are about the message or its addressee, all others about the server or the login,
/// which somebody will mend.
[[nodiscard]] Outcome judge_mail(const runtime::WebAnswer& answer);

}  // namespace pgkeel::notify
