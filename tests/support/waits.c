/* What libfaketime leaves out: since 3.11 Python waits for locks with sem_clockwait(3) and sleeps with
 * clock_nanosleep(2), both until a moment of the monotonic clock. With a clock that runs ahead that moment would never
 * come. Here both look at the clock again and again, as it is shown to everybody else, so a wait ends when the clock
 * gets there. Preloaded before libfaketime, whose clock_gettime(2) it then asks. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <semaphore.h>
#include <time.h>

enum { LOOK_MILLISECONDS = 5, SECOND = 1000000000 };

static int reached(clockid_t clock, const struct timespec *moment)
{
    struct timespec now;
    if (clock_gettime(clock, &now))
        return 1;
    return now.tv_sec > moment->tv_sec || (now.tv_sec == moment->tv_sec && now.tv_nsec >= moment->tv_nsec);
}

int sem_clockwait(sem_t *semaphore, clockid_t clock, const struct timespec *moment)
{
    while (sem_trywait(semaphore)) {
        if (errno != EAGAIN)
            return -1;
        if (reached(clock, moment)) {
            errno = ETIMEDOUT;
            return -1;
        }
        if (poll(NULL, 0, LOOK_MILLISECONDS) && errno == EINTR)
            return -1;
    }
    return 0;
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *wanted, struct timespec *left)
{
    struct timespec moment = *wanted;
    (void)left; /* only of use to who sleeps for a time, is interrupted, and goes on: Python sleeps until a moment */
    if (!(flags & TIMER_ABSTIME)) {
        if (clock_gettime(clock, &moment))
            return errno;
        moment.tv_sec += wanted->tv_sec + (moment.tv_nsec + wanted->tv_nsec) / SECOND;
        moment.tv_nsec = (moment.tv_nsec + wanted->tv_nsec) % SECOND;
    }
    while (!reached(clock, &moment))
        if (poll(NULL, 0, LOOK_MILLISECONDS))
            return errno;
    return 0;
}
