"""Market data of any md front on disk: written minute by minute, and looked through.

``parts`` holds what a row is and how parts are written and recovered, ``recorder`` joins an ``MdApi`` to it,
``quality`` looks a recording through. Reading and playing is ``refdata``'s and the counter's: ``tts://replay?data=FOLDER``.
"""
