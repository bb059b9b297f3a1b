from hypothesis import settings

# the same examples on every run and no time limit per example: a busy machine must not fail a build
settings.register_profile("naome", deadline=None, derandomize=True)
settings.load_profile("naome")
