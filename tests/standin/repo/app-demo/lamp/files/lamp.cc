// Says what an image of it needs to be able to say: the locale, the account it runs as, and what
// its library of another language gives.
#include <grp.h>
#include <pwd.h>

#include <clocale>
#include <cstdlib>
#include <iostream>

#ifdef INTL
#include <script.h>
#endif

int main() {
  const char* const locale = std::setlocale(LC_ALL, "");
  std::cout << INTERFACE << " " << SLOT << "\nlocale " << (locale != nullptr ? locale : "missing")
            << "\n";
  const passwd* const user = getpwnam("lampd");
  const group* const group = getgrnam("lampd");
  if (user == nullptr || group == nullptr) {
    std::cerr << "no account\n";
    return EXIT_FAILURE;
  }
  std::cout << "account " << user->pw_uid << ':' << group->gr_gid << "\n";
#ifdef INTL
  std::cout << "script " << script::capitals("stra\xc3\x9f" "e") << "\n";
#endif
}
