/* BusyBox's is a way to the C library's */
#include <regex.h>
