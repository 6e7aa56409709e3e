// serried_check_file: reads files from elsewhere, so that no rank crashes on them. Started by the
// library (serried/io/file_check.hpp), never by hand.
#include "serried/io/file_check.hpp"

int main() {
  serried::run_file_checker();
}
